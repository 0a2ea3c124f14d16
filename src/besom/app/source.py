"""Identifies a task's code: its name, and a digest of the application's own source files.

These are files outside Python's library and the installed packages: the task's file, its whole
package, the modules that these import, in functions too and by ``import_module("models")``, and
the modules that the configuration names, as in ``_target_: models.Net`` and
``model.build: models:build``. A module whose name is made at run time is not found. Besom's own
code is left out: it has a version.
"""

import hashlib
import inspect
import os
import re
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

from besom.app.hooks import Task

MOST_FILES = 10_000
"""A folder with more Python files than this is not taken for an application's package."""

_UNKNOWN = "unknown: "
_NAMED = 16
"""The number of digits for the modules that the configuration names, at the digest's end."""

_INSTALLED = {"site-packages", "dist-packages"}
_LEFT_OUT = {*sys.stdlib_module_names, "besom", "hydra_plugins"}
_RELATIVE = re.compile(
    rb"^[ \t]*from[ \t]+(\.+)[ \t]*(\w*)[\w.]*[ \t]+import[ \t]+(\([^)]*|[^\n#;]*)", re.MULTILINE
)
_DOTTED = re.compile(r"[^\W\d]\w*(\.\w+)+")
_FUNCTION = re.compile(r"[^\W\d]\w*(\.\w+)*:\w+")
_IMPORT = re.compile(rb"^[ \t]*(?:from[ \t]+(\w+)|import[ \t]+([^\n#(;]+))", re.MULTILINE)
_IMPORT_CALL = re.compile(
    rb"""\b(?:import_module|__import__)\s*\(\s*(?:name\s*=\s*)?[rRuU]?["'](\w+)"""
    rb"""|\bimport_module\s*\(\s*["']\.[\w.]*["']\s*,\s*(?:package\s*=\s*)?["'](\w+)"""
)
"""Finds imports by call. A name that begins with a dot and is relative to ``__package__`` is left
out: it is in a package that is known anyway."""


def task_name(task: Task) -> str:
    """Return ``app.main``, whether it was started as ``python app.py``, by ``-m``, or imported."""
    function = inspect.unwrap(task)
    file = _file_of(function)
    module = file.stem if file else function.__module__.rpartition(".")[2]
    return f"{module}.{getattr(function, '__qualname__', type(function).__qualname__)}"


@dataclass(frozen=True)
class Source:
    """An application's own source.

    Attributes:
        digest: hexadecimal digits; None where it is not known.
        reason: why it is not known.
        names: the names in the configurations, see :func:`named_by`.
        files: a digest of each own source file.
    """

    digest: str | None
    reason: str = ""
    names: frozenset[str] = field(default=frozenset(), compare=False)
    files: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def read(cls, text: str | None) -> Self:
        """Read what a record holds of :attr:`text`; an unknown source where it holds nothing."""
        if not text or text.startswith(_UNKNOWN):
            return cls(None, (text or "").removeprefix(_UNKNOWN) or "none was recorded")
        return cls(text)

    @property
    def text(self) -> str:
        """The text for a record: the digest, or ``unknown: `` and the reason."""
        return self.digest or f"{_UNKNOWN}{self.reason}"

    def differs_from(self, other: Self) -> bool:
        """Return whether both are known and differ.

        Only the digits that both have are compared: earlier versions of Besom kept fewer.
        """
        if self.digest is None or other.digest is None:
            return False
        shared = min(len(self.digest), len(other.digest))
        return self.digest[:shared] != other.digest[:shared]


def named_by(value: Any) -> frozenset[str]:
    """Return the names of Python objects among a configuration's values, at any depth.

    Such names look like ``models.net.Net`` and ``models.net:build``.
    """
    if isinstance(value, str):
        is_name = _DOTTED.fullmatch(value) or _FUNCTION.fullmatch(value)
        return frozenset([value] if is_name else [])
    inner = value.values() if isinstance(value, Mapping) else value
    parts = map(named_by, inner) if isinstance(value, Mapping | list) else ()
    return frozenset[str]().union(*parts)


@cache
def source_of(task: Task, names: frozenset[str] = frozenset()) -> Source:
    """Return what :func:`source_now` found when this process first asked."""
    return source_now(task, names)


def source_now(task: Task, names: frozenset[str] = frozenset()) -> Source:
    """Return the application's own source, as its files are now.

    The digest begins with that of the task's file and imports, which is all that earlier versions
    of Besom included.

    Args:
        names: the names in its configurations, see :func:`named_by`.
    """
    function = inspect.unwrap(task)
    try:
        file = _file_of(function)
        if file is None:  # a notebook's cell
            return Source(_digest([("", inspect.getsource(function).encode())]))
        home = _package_of(file) or file
        known = {file, home}
        found = [*_sources({home}, known)]
        digest = _digest(found)
        meant = filter(_FUNCTION.fullmatch, names) if _is_besoms(function) else names
        named = {place for name in meant for place in _named_places(name)} - known
        if named:
            found_by_name = [*_sources(named, known)]
            digest += _digest(found_by_name)[:_NAMED]
            found += found_by_name
        files = {name: hashlib.sha256(content).hexdigest() for name, content in found}
        return Source(digest, names=names, files=files)
    except (OSError, TypeError) as error:
        return Source(None, str(error))


def _is_besoms(function: Task) -> bool:
    """Return whether the task is Besom's own; such tasks ignore dotted names in configurations."""
    return function.__module__.startswith("besom.")


def _digest(sources: Iterable[tuple[str, bytes]]) -> str:
    digest = hashlib.sha256()
    for name, content in sorted(sources):
        digest.update(b"%s\0%d\0" % (os.fsencode(name), len(content)) + content)
    return digest.hexdigest()


def _sources(begin: set[Path], known: set[Path]) -> Iterator[tuple[str, bytes]]:
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
    known: set[Path] = set()
    for _ in _sources({*_named_places(name)}, known):
        pass
    return known


def _file_of(function: Task) -> Path | None:
    module = sys.modules.get(function.__module__)
    file = getattr(module, "__file__", None)
    return Path(file).resolve() if file else None


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


def _named_places(name: str) -> list[Path]:
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
    library = Path(sysconfig.get_paths()["stdlib"]).resolve()
    return not _INSTALLED.isdisjoint(place.parts) or place.is_relative_to(library)
