"""Identifies a task's code: its name, and a digest of the application's own source files.

These are files outside Python's library and the installed packages: the task's file, its whole
package, the modules that these import, in functions too and by ``import_module("models")``, the
modules that the configuration names, as in ``_target_: models.Net`` and
``model.build: models:build``, and the file that Python was started with. A module whose name is
made at run time is not found. Besom's own code is left out: it has a version. A task may be in an
installed package, as one that hydra-zen has wrapped; the files of that package are included then.
"""

import hashlib
import inspect
import os
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Self

from besom.app.hooks import Task
from besom.app.modules.own_files import (
    home_of,
    is_installed,
    named_places,
    own_main_file,
    sources_from,
)

_UNKNOWN = "unknown: "
_ADDED = 16
"""The number of digits for the modules that the configuration names, and for the main file."""

_DOTTED = re.compile(r"[^\W\d]\w*(\.\w+)+")
_FUNCTION = re.compile(r"[^\W\d]\w*(\.\w+)*:\w+")


def task_name(task: Task) -> str:
    """Return ``app.main``, whether it was started as ``python app.py``, by ``-m``, or imported."""
    function = inspect.unwrap(task)
    file = _file_of(function)
    module = file.stem if file else function.__module__.rpartition(".")[2]
    return f"{module}.{getattr(function, '__qualname__', type(function).__qualname__)}"


def program_name(task: Task, job_name: str) -> str:
    """Return the name of the program that a task belongs to, without suffix.

    It is Hydra's name of the job. But where that is the name of an installed module, as it is for
    tasks that hydra-zen has wrapped, it is the name of the file that Python was started with.
    """
    file, main = _file_of(inspect.unwrap(task)), own_main_file()
    if main is None or file is None or file.stem != job_name or not is_installed(file):
        return job_name
    return main.parent.name if main.stem == "__main__" else main.stem


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
    of Besom included; the later parts are added at its end.

    Args:
        names: the names in its configurations, see :func:`named_by`.
    """
    function = inspect.unwrap(task)
    try:
        file = _file_of(function)
        if file is None:  # a notebook's cell
            return Source(_digest([("", inspect.getsource(function).encode())]))
        known = {file}
        found = [*sources_from({home_of(file)}, known)]
        digest = _digest(found)
        meant = filter(_FUNCTION.fullmatch, names) if _is_besoms(function) else names
        main = None if _is_besoms(function) else own_main_file()
        for begin in (
            {place for name in meant for place in named_places(name)},
            {home_of(main)} if main and known.isdisjoint(main.parents) else set[Path](),
        ):
            if places := begin - known:
                added = [*sources_from(places, known)]
                digest += _digest(added)[:_ADDED]
                found += added
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


def _file_of(function: Task) -> Path | None:
    module = sys.modules.get(function.__module__)
    file = getattr(module, "__file__", None)
    return Path(file).resolve() if file else None
