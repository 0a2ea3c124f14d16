"""Imports an application's main module once in a worker, as ``__main__``, like Hydra's launchers.

By default, multiprocessing runs the file again as ``__mp_main__``, and cloudpickle makes new copies
of what the task refers to, so that a class exists twice. This module runs the file as ``__main__``
without the code under ``if __name__ == "__main__":``. That code may do anything, and only the
sweep's process runs it; ``besom.app.modules.state`` carries over what it left in the modules.
"""

import ast
import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.abc import InspectLoader
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, NoReturn

MAIN = "__main__"


@dataclass(frozen=True)
class MainModule:
    """The module that Python was started with, as read when the sweep began.

    Attributes:
        name: NAME of ``python -m NAME``; empty for a script.
        later: names that it binds only when it is run, not when it is imported.
    """

    file: str
    source: bytes
    package: str | None
    name: str
    later: frozenset[str]

    @property
    def root(self) -> Path:
        """The folder that its imports start from."""
        return Path(self.file).parents[self.name.count(".")]

    def run(self) -> None:
        """Run it as this process's main module, up to its call of Hydra, if it has one."""
        main = ModuleType(MAIN)
        main.__file__, main.__package__ = self.file, self.package
        main.__spec__ = self._spec()
        sys.modules[MAIN] = sys.modules["__mp_main__"] = main
        with suppress(_HydraCalled, SystemExit), _hydra_held():
            _Unguarded(self).exec_module(main)

    def _spec(self) -> ModuleSpec | None:
        if self.name == MAIN:  # a folder
            return ModuleSpec(MAIN, None)
        return find_spec(self.name) if self.name else None


def find() -> MainModule | None:
    """Return this process's main module; None without a file, as in a notebook or ``python -c``."""
    main = sys.modules[MAIN]
    try:
        file = str(Path(main.__file__ or "").absolute())
        source = Path(file).read_bytes()
        tree = ast.parse(source)
    except (AttributeError, OSError, SyntaxError, ValueError):
        return None
    name = main.__spec__.name if main.__spec__ else ""
    return MainModule(file, source, main.__package__, name, frozenset(_later(tree)))


@contextmanager
def kept_from_multiprocessing() -> Iterator[None]:
    """Keep processes that are spawned inside the block from running the main module."""
    main = sys.modules[MAIN]
    sys.modules[MAIN] = ModuleType(MAIN)
    try:
        yield
    finally:
        sys.modules[MAIN] = main


class _Unguarded(InspectLoader):
    """A loader that runs a main module without the code under its guard."""

    def __init__(self, main: MainModule) -> None:
        self._main = main

    def get_source(self, fullname: str) -> str:
        return self._main.source.decode()

    def get_code(self, fullname: str) -> CodeType:
        tree = ast.parse(self._main.source)
        for guard in guards(tree):
            guard.test = ast.copy_location(ast.Constant(False), guard.test)
        code: CodeType = compile(tree, self._main.file, "exec", dont_inherit=True)
        return code


def guards(tree: ast.Module) -> list[ast.If]:
    return [node for node in tree.body if isinstance(node, ast.If) and _is_guard(node.test)]


def _is_guard(test: ast.expr) -> bool:
    """Return whether a test is ``__name__ == "__main__"``, either way round, alone or with more."""
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        return any(map(_is_guard, test.values))
    if not isinstance(test, ast.Compare) or not isinstance(test.ops[0], ast.Eq | ast.In | ast.Is):
        return False
    words = {ast.unparse(part) for part in ast.walk(test)}
    return {"__name__", repr(MAIN)} <= words


def _later(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            yield from node.names
    for node in (
        inner for guard in guards(tree) for part in guard.body for inner in ast.walk(part)
    ):
        match node:
            case ast.Name(id=name, ctx=ast.Store()):
                yield name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.ClassDef(name=name):
                yield name
            case ast.alias(name=name, asname=alias):
                yield alias or name.partition(".")[0]


class _HydraCalled(BaseException):
    """The main module has called ``hydra.main``: it has no guard, or one of another form."""


@contextmanager
def _hydra_held() -> Iterator[None]:
    """Stop calls of functions under ``@hydra.main`` inside the block: a worker starts no sweep."""

    def called(*args: Any, **kwargs: Any) -> NoReturn:
        raise _HydraCalled

    module: Any = importlib.import_module("hydra.main")
    run_hydra = module._run_hydra
    module._run_hydra = called
    try:
        yield
    finally:
        module._run_hydra = run_hydra
