"""Which code a task is: its name, and a digest of the application's own source files.

Own is what stands neither in Python nor among the installed packages: the task's file, its whole
package, and the modules that these import, in functions too. Besom itself has a version.
"""

import hashlib
import inspect
import os
import re
import sys
import sysconfig
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from uuid import uuid4

from besom.task import Task

UNKNOWN = "unknown: "
MOST_ENTRIES = 10_000
"""In the folders of an application's packages; where there are more, they hold data."""

_INSTALLED = {"site-packages", "dist-packages"}
_LEFT_OUT = {*sys.stdlib_module_names, "besom", "hydra_plugins"}
_IMPORT = re.compile(rb"^[ \t]*(?:from[ \t]+(\w+)|import[ \t]+([^\n#(;]+))", re.MULTILINE)


def task_name(task: Task) -> str:
    """``app.main``, whether it was started as ``python app.py``, by ``-m``, or imported."""
    function = inspect.unwrap(task)
    file = _file_of(function)
    module = file.stem if file else function.__module__.rpartition(".")[2]
    return f"{module}.{getattr(function, '__qualname__', type(function).__qualname__)}"


@cache
def source_digest(task: Task) -> str:
    """The application's own source as a digest, or ``unknown: `` and why; found out once."""
    digest = hashlib.sha256()
    try:
        for name, content in sorted(_sources(inspect.unwrap(task))):
            digest.update(b"%s\0%d\0" % (os.fsencode(name), len(content)) + content)
    except (OSError, TypeError) as error:
        return f"{UNKNOWN}{error}"
    return digest.hexdigest()


@cache
def code_of(task: Task) -> str:
    """What tells this code from other code; where it is not known, it equals no other process's."""
    digest = source_digest(task)
    return digest[:16] if is_known(digest) else uuid4().hex[:16]


def is_known(digest: str) -> bool:
    return bool(digest) and not digest.startswith(UNKNOWN)


def _sources(function: Task) -> Iterator[tuple[str, bytes]]:
    """Each own source: its place among the application's modules, and what it holds."""
    file = _file_of(function)
    if file is None:  # a notebook's cell
        yield "", inspect.getsource(function).encode()
        return
    home = _package_of(file)
    ahead, known = [home or file], {home or file}
    while ahead:
        place = ahead.pop()
        for source in _files(place):
            content = source.read_bytes()
            yield str(source.relative_to(place.parent)), content
            found = {own for name in _imported(content) for own in _own_places(name)} - known
            known |= found
            ahead += sorted(found)


def _file_of(function: Task) -> Path | None:
    module = sys.modules.get(function.__module__)
    file = getattr(module, "__file__", None)
    return Path(file).resolve() if file else None


def _package_of(file: Path) -> Path | None:
    """The folder of the outermost package; the innermost one of a part of Besom."""
    folders = []
    for folder in file.parents:
        if not (folder / "__init__.py").exists():
            break
        folders.append(folder)
    if not folders:
        return None
    return folders[0] if folders[-1].name == "besom" else folders[-1]


def _files(place: Path) -> Iterator[Path]:
    """A module's file, or all those of a package."""
    if not place.is_dir():
        yield place
        return
    n_seen = 0
    for folder, below, files in os.walk(place):
        below[:] = sorted(name for name in below if not name.startswith((".", "__pycache__")))
        n_seen += len(below) + len(files)
        if n_seen > MOST_ENTRIES:
            raise OSError(f"{place} holds more than {MOST_ENTRIES:,} files")
        yield from (Path(folder, name) for name in files if name.endswith(".py"))


def _imported(content: bytes) -> set[str]:
    """The first parts of the names that are imported; in comments and texts a few too many."""
    names = set()
    for one, several in _IMPORT.findall(content):
        for word in (one or several).split(b","):
            names.update(re.findall(r"^\s*(\w+)", word.decode(errors="replace")))
    return names - _LEFT_OUT


def _own_places(name: str) -> list[Path]:
    """Where a module that is neither Python's nor installed stands."""
    try:
        spec = find_spec(name)
    except (ImportError, ValueError, AttributeError):
        return []
    if spec is None:
        return []
    places = list(spec.submodule_search_locations or ()) or [spec.origin or ""]
    found = [Path(place).resolve() for place in places if os.path.exists(place)]
    return [place for place in found if not is_installed(place)]


def is_installed(place: Path) -> bool:
    library = Path(sysconfig.get_paths()["stdlib"]).resolve()
    return not _INSTALLED.isdisjoint(place.parts) or place.is_relative_to(library)
