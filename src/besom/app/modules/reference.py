"""Resolves a function that a configuration names: ``my_package.models:build``.

Its module is searched for as ``python -m`` does: in the working folder first, then among the
installed packages.
"""

import ast
import os
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

from hydra.core.hydra_config import HydraConfig

from besom.common.errors import ConfigError
from besom.common.suggest import did_you_mean

WRITTEN = re.compile(r"([^\W\d]\w*(?:\.[^\W\d]\w*)*):([^\W\d]\w*)")


@dataclass(frozen=True)
class Reference:
    """A function, by its module and name; ``key`` is the configuration key that names it."""

    key: str
    module: str
    function: str

    @classmethod
    def read(cls, key: str, text: str) -> Self:
        """Parse ``text``.

        Raises:
            ConfigError: it is not written ``MODULE:FUNCTION``.
        """
        found = WRITTEN.fullmatch(text)
        if found and not found[1].endswith(".py"):
            return cls(key, found[1], found[2])
        module, _, function = re.sub(r"\.py(?=$|:)", "", text).replace("/", ".").partition(":")
        if not function and "." in module:
            module, _, function = module.rpartition(".")
        meant = f"{module}:{function or 'build'}"
        meant = meant if WRITTEN.fullmatch(meant) else "my_package.models:build"
        raise ConfigError(f"`{key}={text}` names no function; write MODULE:FUNCTION, `{meant}` say")

    def __str__(self) -> str:
        return f"{self.key}={self.module}:{self.function}"

    def check(self) -> None:
        """Check that the function exists, by its module's source, without importing anything.

        Raises:
            ConfigError: there is no such module or function, or the source is not valid Python.
        """
        spec = self._spec()
        if spec.origin is None or not spec.origin.endswith(".py"):
            return
        try:
            tree = ast.parse(Path(spec.origin).read_bytes())
        except SyntaxError as error:
            raise ConfigError(
                f"`{self}`: {spec.origin}, line {error.lineno}: {error.msg}"
            ) from error
        bound = set(_bound(tree))
        if not bound & {self.function, "*", "__getattr__"}:
            raise self._unknown_function(bound)

    def load(self) -> Callable[..., Any]:
        """Import the module and return the function.

        Raises:
            ConfigError: there is no such module or function.
            Exception: whatever the module raises while it is imported.
        """
        self._spec()
        module = import_module(self.module)
        function = getattr(module, self.function, None)
        if not callable(function):
            callables = [name for name, value in vars(module).items() if callable(value)]
            raise self._unknown_function(callables)
        found: Callable[..., Any] = function
        return found

    def _spec(self) -> ModuleSpec:
        """Find the module without importing the packages that it is in, as ``find_spec`` would."""
        search_working_folder()
        first, *parts = self.module.split(".")
        spec, path = _top(first), [working_folder()]
        if spec is None:
            raise self._unknown_module("", first, path)
        for name in parts:
            package, path = spec.name, list(spec.submodule_search_locations or ())
            spec = PathFinder.find_spec(f"{package}.{name}", path)
            if spec is None:
                raise self._unknown_module(package, name, path)
        return spec

    def _unknown_module(self, package: str, name: str, folders: list[str]) -> ConfigError:
        where = f"in {package}" if package else f"in {folders[0]}, nor among what is installed"
        hint = did_you_mean(name, _modules(folders), "give one that Python can import from here")
        return ConfigError(f"`{self}`: no module `{name}` {where}; {hint}")

    def _unknown_function(self, known: Any) -> ConfigError:
        names = sorted(name for name in known if not name.startswith("_"))
        hint = did_you_mean(self.function, names, f"it has {', '.join(names) or 'none'}")
        return ConfigError(f"`{self}`: no function `{self.function}` in {self.module}; {hint}")


def working_folder() -> str:
    """Return the folder in which the command was given, even if Hydra has changed folders since."""
    if HydraConfig.initialized():
        return str(HydraConfig.get().runtime.cwd)
    return os.getcwd()


def search_working_folder() -> None:
    """Make Python look for modules in the working folder first, as ``python -m`` does."""
    folder = working_folder()
    if folder not in sys.path and "" not in sys.path:
        sys.path.insert(0, folder)


def _top(name: str) -> ModuleSpec | None:
    try:
        return find_spec(name)
    except ValueError:  # a module made by hand has no spec
        return None


def _modules(folders: list[str]) -> Iterator[str]:
    """Yield the names of the modules and packages in these folders."""
    for file in (file for folder in folders for file in Path(folder).glob("*")):
        is_package = file.is_dir() and any(file.glob("*.py"))
        if file.suffix == ".py" or is_package:
            yield file.stem


def _bound(tree: ast.AST) -> Iterator[str]:
    """Yield the names that a module binds, also inside ``if`` and ``try``; ``*`` as imported."""
    for node in ast.iter_child_nodes(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.ClassDef(name=name):
                yield name
            case ast.Name(id=name, ctx=ast.Store()):
                yield name
            case ast.alias(name=name, asname=alias):
                yield alias or name.partition(".")[0]
            case _:
                yield from _bound(node)
