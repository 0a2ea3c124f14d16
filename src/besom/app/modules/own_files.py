"""Finds an application's own modules: their files, and those that this process has imported.

They are outside Python's library and the installed packages. Imports are read from the source, in
functions too, as is ``import_module("models")``. A module whose name is made at run time is not
found.
"""

import os
import re
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from besom.app.modules import main_module
from besom.app.modules.main_module import MAIN, MainModule

MOST_FILES = 10_000
"""A folder with more Python files than this is not taken for an application's package."""

_INSTALLED = {"site-packages", "dist-packages"}
_LEFT_OUT = {*sys.stdlib_module_names, "besom", "hydra_plugins"}
_RELATIVE = re.compile(
    rb"^[ \t]*from[ \t]+(\.+)[ \t]*(\w*)[\w.]*[ \t]+import[ \t]+(\([^)]*|[^\n#;]*)", re.MULTILINE
)
_IMPORT = re.compile(rb"^[ \t]*(?:from[ \t]+(\w+)|import[ \t]+([^\n#(;]+))", re.MULTILINE)
_IMPORT_CALL = re.compile(
    rb"""\b(?:import_module|__import__)\s*\(\s*(?:name\s*=\s*)?[rRuU]?["'](\w+)"""
    rb"""|\bimport_module\s*\(\s*["']\.[\w.]*["']\s*,\s*(?:package\s*=\s*)?["'](\w+)"""
)
"""Finds imports by call. A name that begins with a dot and is relative to ``__package__`` is left
out: it is in a package that is known anyway."""


def sources_from(begin: set[Path], known: set[Path]) -> Iterator[tuple[str, bytes]]:
    """Yield the path and the content of each own source file that is reached from these places.

    All places met on the way are added to ``known``.
    """
    known |= begin
    ahead = sorted(begin)
    while ahead:
        place = ahead.pop()
        for source in _files(place):
            content = source.read_bytes()
            yield str(source.relative_to(place.parent)), content
            found = {own for name in _imported(content) for own in _own_places(name)}
            if known.isdisjoint(source.parents):
                found.update(_beside(source, content))
            found -= known
            known |= found
            ahead += sorted(found)


def own_places(name: str) -> set[Path]:
    """Return the files and package folders of a user's module and of all own modules it imports."""
    return _reached({*named_places(name)})


def own_places_of(file: Path) -> set[Path]:
    """Return the file or its package, and those of all own modules that are imported from there."""
    return _reached({home_of(file.resolve())})


def _reached(begin: set[Path]) -> set[Path]:
    known: set[Path] = set()
    for _ in sources_from(begin, known):
        pass
    return known


def own_modules(main: MainModule, package: str) -> Iterator[str]:
    """Yield the main module, the task's package, and other modules that are not installed: those
    below the main module's folder, and those that it imports from elsewhere."""

    @cache  # reads all own sources: only where a module lies elsewhere
    def imported() -> set[Path]:
        with suppress(OSError):  # a package of too many files
            return own_places_of(Path(main.file))
        return set()

    def is_own(file: Path) -> bool:
        if is_installed(file):
            return False
        if file.is_relative_to(main.root):
            return True
        file = file.resolve()
        return not imported().isdisjoint((file, *file.parents))

    for name, module in list(sys.modules.items()):
        top = name.partition(".")[0]
        if top in ("besom", "hydra_plugins", "__mp_main__"):
            continue
        file = getattr(module, "__file__", None)
        if top in (MAIN, package) or (file and is_own(Path(file))):
            yield name


def own_main_file() -> Path | None:
    """Return the file that Python was started with; None where it is installed, or a command."""
    main = main_module.find()
    if main is None or not main.file.endswith(".py"):  # a command like ``pytest`` or ``besom``
        return None
    file = Path(main.file).resolve()
    return None if is_installed(file) else file


def home_of(file: Path) -> Path:
    return _package_of(file) or file


def _package_of(file: Path) -> Path | None:
    """Return the folder of the file's outermost package; in Besom's code, of the innermost."""
    folders = []
    for folder in file.parents:
        if not (folder / "__init__.py").exists():
            break
        folders.append(folder)
    if not folders:
        return None
    return folders[0] if folders[-1].name == "besom" else folders[-1]


def _files(place: Path) -> Iterator[Path]:
    """Yield a module's file, or all files of a package."""
    if not place.is_dir():
        yield place
        return
    n_seen = 0
    for folder, below, files in os.walk(place):
        below[:] = sorted(name for name in below if not name.startswith((".", "__pycache__")))
        sources = [name for name in files if name.endswith(".py")]
        n_seen += len(sources)
        if n_seen > MOST_FILES:
            raise OSError(f"{place} holds more than {MOST_FILES:,} Python files")
        yield from (Path(folder, name) for name in sources)


def _imported(content: bytes) -> set[str]:
    """Return the top-level names that the source imports; those in comments and texts too."""
    names = set()
    for one, several in _IMPORT.findall(content):
        for word in (one or several).split(b","):
            names.update(re.findall(r"^\s*(\w+)", word.decode(errors="replace")))
    for absolute, package in _IMPORT_CALL.findall(content):
        names.add((absolute or package).decode(errors="replace"))
    return names - _LEFT_OUT


def _beside(source: Path, content: bytes) -> Iterator[Path]:
    """Yield the files that relative imports name in a file outside any regular package.

    Python allows ``from .net import x`` and ``from . import net`` in folders without
    ``__init__.py``.
    """
    for dots, module, names in _RELATIVE.findall(content):
        folder = source.parents[min(len(dots), len(source.parents)) - 1]
        for name in [module] if module else re.findall(rb"\w+", names):
            own = folder / os.fsdecode(name)
            yield from (place for place in (own, own.with_suffix(".py")) if place.exists())


def _own_places(name: str) -> list[Path]:
    """Return the places of a module; none where it is Python's own or installed."""
    try:
        spec = find_spec(name)
    except (ImportError, ValueError, AttributeError):
        return []
    if spec is None:
        return []
    places = list(spec.submodule_search_locations or ()) or [spec.origin or ""]
    found = [Path(place).resolve() for place in places if os.path.exists(place)]
    return [place for place in found if not is_installed(place)]


def named_places(name: str) -> list[Path]:
    """Return the places of a module that a configuration names, if it can be a Python name.

    ``data.csv``, for one, is the name of a file.
    """
    module, _, _ = name.partition(":")
    first, second, *_ = [*module.split("."), ""]
    if first in _LEFT_OUT:
        return []

    def holds(folder: Path) -> bool:
        is_there = (folder / second).is_dir() or (folder / f"{second}.py").exists()
        return bool(second) and is_there

    return [
        place
        for place in _own_places(first)
        if not place.is_dir() or (place / "__init__.py").exists() or holds(place)
    ]


def is_installed(place: Path) -> bool:
    return not _INSTALLED.isdisjoint(place.parts) or place.is_relative_to(_library())


@cache
def _library() -> Path:
    return Path(sysconfig.get_paths()["stdlib"]).resolve()
