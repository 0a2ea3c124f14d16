"""Finds values that an application has set in its modules and that cannot be pickled for a worker.

Values that the import itself makes, such as locks, clients and compiled patterns, do not count.
Some values differ in each import, as a process id does. Outlines are therefore compared: types, the
names in dictionaries and in instances of the application's own classes, and the sizes of
containers. A value itself is compared only where code that no import runs sets it.
"""

import ast
import hashlib
import pickle
import symtable
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import FunctionType
from typing import Any

from besom.app.modules.import_made import Place, syntax_tree
from besom.app.modules.main_module import MAIN, MainModule, guards

MOST_LEVELS = 8
"""The depth to which nested containers are compared."""
UNNAMED = {"lambda", "listcomp", "setcomp", "dictcomp", "genexpr"}
"""The names that Python's symbol tables give to functions without a name."""
NOTHING: Any = ...
"""Stands for the value of a name that a module does not have."""


@dataclass(frozen=True)
class Uncarried:
    """An entry of a module or class that is left as the import makes it.

    Attributes:
        identity: the object's id, which is the same under several names.
        reason: why it cannot be carried over.
        is_set: whether the source shows that its name is bound after the import.
        outline: the result of :meth:`Outlines.of` for it.
    """

    place: Place
    identity: int
    reason: str
    is_set: bool
    outline: bytes

    def sentence(self, main: MainModule) -> str:
        """Return a sentence for a user who misses the value that was set."""
        module, *names = self.place
        module = (main.name or Path(main.file).stem) if module == MAIN else module
        name = ".".join([module, *filter(None, names)])
        return (
            f"{name} has in the workers the value of its import, not the one that was set later: "
            f"{self.reason}; set it at import, or inside the task"
        )


@dataclass(frozen=True)
class Outlines:
    """Makes and compares outlines of values.

    Attributes:
        modules: the application's own modules.
        members: names that code sets as attributes of other objects, or as keys of dictionaries.
        read: global names that functions of the main module read.
    """

    modules: frozenset[str]
    members: frozenset[str]
    read: frozenset[str]

    def of(self, value: Any, is_set: bool) -> bytes:
        """Return a value's outline: the same in two processes that have only imported it."""
        digest = hashlib.sha256()
        for line in self._lines(value, is_set, "", 0, set()):
            digest.update(line + b"\n")
        return digest.digest()

    def differ(self, one: Uncarried, own: Any) -> bool:
        """Return whether the import made another value or none, and the task could notice."""
        module, owner, name = one.place
        if own is NOTHING and module == MAIN and not owner:
            return name in self.read
        return self.of(own, one.is_set) != one.outline

    def _lines(
        self, value: Any, is_set: bool, path: str, level: int, seen: set[int]
    ) -> Iterator[bytes]:
        yield f"{path} {_kind(value)}".encode(errors="replace")
        if id(value) in seen or level == MOST_LEVELS:
            return
        members: dict[Any, Any] | None = None
        if isinstance(value, dict):
            members = value
        elif type(value).__module__ in self.modules and not isinstance(value, Enum | type):
            members = getattr(value, "__dict__", None)
        if members is not None:
            seen.add(id(value))  # each object once, by whatever path
            yield b"%d" % len(members)
            for name in sorted(name for name in list(members) if isinstance(name, str)):
                inner = f"{path}.{name}"
                is_set_there = name in self.members
                yield from self._lines(members[name], is_set_there, inner, level + 1, seen)
        elif isinstance(value, list | set | frozenset):
            yield b"%d" % len(value)
        elif is_set:
            yield _digest(value)


def read_outlines(modules: Iterable[str], main: MainModule) -> Outlines:
    """Read from the source of these modules what can change after the import."""
    members = {name for module in modules for name in _members(module, syntax_tree(module))}
    read: set[str] = set()
    with suppress(SyntaxError, ValueError):
        read.update(_read(symtable.symtable(main.source.decode(), main.file, "exec")))
    return Outlines(frozenset(modules), frozenset(members), frozenset(read))


def _kind(value: Any) -> str:
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    match value:
        case FunctionType():
            line = value.__code__.co_firstlineno
            return f"{kind} {value.__module__}.{value.__qualname__}:{line}"
        case type():
            return f"{kind} {value.__module__}.{value.__qualname__}"
        case Enum():
            return f"{kind} {value.name}"
    return kind


class _Hashing:
    def __init__(self) -> None:
        self.digest = hashlib.sha256()

    def write(self, part: Any) -> int:
        self.digest.update(part)
        return memoryview(part).nbytes


def _digest(value: Any) -> bytes:
    """Return a digest of the value's pickle; empty where it cannot be pickled."""
    file = _Hashing()
    try:
        pickle.Pickler(file, protocol=pickle.HIGHEST_PROTOCOL).dump(value)
    except Exception:  # whatever the pickling of an unknown object raises
        return b""
    return file.digest.hexdigest().encode()


def _members(module: str, tree: ast.Module) -> Iterator[str]:
    """Yield ``scale`` for ``STORE.scale = 1`` and ``STORE["scale"] = 1``.

    Only functions and code under the guard count. Attributes of ``self`` and ``cls`` do not.
    """
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    parts: list[ast.AST] = [node for node in ast.walk(tree) if isinstance(node, kinds)]
    parts += guards(tree) if module == MAIN else []
    for node in (node for part in parts for node in ast.walk(part)):
        match node:
            case ast.Attribute(value=base, attr=name, ctx=ast.Store()):
                if not (isinstance(base, ast.Name) and base.id in ("self", "cls")):
                    yield name
            case ast.Subscript(slice=ast.Constant(value=str(name)), ctx=ast.Store()):
                yield name


def _read(module: symtable.SymbolTable) -> Iterator[str]:
    """Yield the global names that functions and methods read.

    Lambdas and comprehensions at the top level are left out: they may belong to the sweep alone, as
    in ``atexit.register(lambda: client.close())``.
    """
    ahead = [table for table in module.get_children() if table.get_name() not in UNNAMED]
    while ahead:
        table = ahead.pop()
        ahead += table.get_children()
        yield from (
            symbol.get_name()
            for symbol in table.get_symbols()
            if symbol.is_global() and symbol.is_referenced()
        )
