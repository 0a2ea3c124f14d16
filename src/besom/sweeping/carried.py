"""What crosses to a worker by pickle: the application by reference to its modules, and what these
hold that importing them alone does not give.

Registries that are filled, and globals that are set, before the task is called are there in a
worker too. Each is compared there with what the import has made, and set only where it differs.
"""

import hashlib
import importlib
import io
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from enum import EnumType
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import cloudpickle
from hydra.core.singleton import Singleton

from besom.sweeping.main_module import MAIN, MainModule

MOST_BYTES = 16 << 20
"""Of one global as a pickle. What is larger is taken as the import makes it, unless it is bound
under the guard."""

# A module's or a class's entry: ``("app", "Registry", "entries")``, ``("app", "", "REGISTRY")``.
Place = tuple[str, str, str]


class Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    """Functions and classes of the main module by reference, where its import makes them.

    Functions that go by value share their module's globals, also there.

    Args:
        main: the main module, where there is one that can be run again.
    """

    def __init__(self, file: Any, main: MainModule | None) -> None:
        super().__init__(file)
        self._main = main

    def reducer_override(self, value: Any) -> Any:
        if self._main and (path := _path(value, self._main)):
            return _follow, path
        reduced = super().reducer_override(value)
        if isinstance(value, FunctionType) and isinstance(reduced, tuple):
            return self._sharing_globals(value, reduced)
        return reduced

    def _sharing_globals(self, function: FunctionType, reduced: tuple[Any, ...]) -> tuple[Any, ...]:
        name = function.__globals__.get("__name__", "")
        module = sys.modules.get(name)
        if module is None or vars(module) is not function.__globals__:
            return reduced
        if name == MAIN and self._main is None:
            return reduced
        make, (code, _, *rest), (attributes, slots), *others = reduced
        arguments = (code, _Globals(name), *rest)
        return (make, arguments, (attributes, slots | {"__globals__": {}}), *others)


class _StatePickler(Pickler):
    """Refuses a class that only its module makes: there would be two of it."""

    def reducer_override(self, value: Any) -> Any:
        if isinstance(type(value), Singleton):
            return Singleton.instance, (type(value),)
        reduced = super().reducer_override(value)
        by_value = isinstance(value, type) and isinstance(reduced, tuple) and len(reduced) > 2
        if by_value and not (self._main and _is_later(value, self._main)):
            raise TypeError(f"{value} is made by its module only")
        return reduced


class _Globals(dict[str, Any]):
    """Stands for a module's globals."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def __reduce__(self) -> Any:
        return _globals, (self._name,)


class _Limited(io.BytesIO):
    def write(self, part: Any) -> int:
        if self.tell() + memoryview(part).nbytes > MOST_BYTES:
            raise OverflowError(f"more than {MOST_BYTES} bytes")
        return super().write(part)


@dataclass(frozen=True)
class Carried:
    """The state of the application's own modules.

    Attributes:
        modules: their names.
        digests: of the values, one by one.
        values: all of them in one pickle, so that what two of them share stays shared.
    """

    main: MainModule
    modules: tuple[str, ...]
    digests: dict[Place, bytes]
    values: bytes

    def differing(self) -> list[Place]:
        """What importing the modules in this process does not give."""
        for name in self.modules:
            importlib.import_module(name)
        return [place for place, digest in self.digests.items() if digest != self._own(place)]

    def _own(self, place: Place) -> bytes | None:
        try:
            return _digest(vars(_scope(place))[place[2]], place, self.main)
        except Exception:  # whatever the pickling of an unknown object raises
            return None


def carry(main: MainModule) -> Carried:
    """What the modules hold now, as far as it can be pickled."""
    modules = tuple(_own_modules(main))
    values, digests = {}, {}
    for place, value in _entries(modules, main):
        try:
            digests[place] = _digest(value, place, main)
        except Exception:  # locks, connections, …: the import makes its own
            continue
        values[place] = value
    file = io.BytesIO()
    _StatePickler(file, main).dump(values)
    return Carried(main, modules, digests, file.getvalue())


def put(place: Place, value: Any) -> None:
    """Set an entry; containers keep their identity, for others may hold them."""
    scope, name = _scope(place), place[2]
    if scope is None:  # a class that the import has not made
        return
    own = vars(scope).get(name)
    if type(own) is type(value) and isinstance(own, dict | set):
        own.clear()
        own.update(value)
    elif type(own) is type(value) and isinstance(own, list):
        own[:] = value
    else:
        setattr(scope, name, value)


def _own_modules(main: MainModule) -> Iterator[str]:
    """The main module, and what has been imported from its folder and is not installed there."""
    installed = {"site-packages", "dist-packages"}
    for name, module in list(sys.modules.items()):
        file = Path(getattr(module, "__file__", None) or "/")
        if name == MAIN or (
            file.is_relative_to(main.root)
            and name != "__mp_main__"
            and name.partition(".")[0] not in ("besom", "hydra_plugins")
            and installed.isdisjoint(file.parts)
            and not file.is_relative_to(sysconfig.get_path("stdlib"))
        ):
            yield name


def _entries(modules: tuple[str, ...], main: MainModule) -> Iterator[tuple[Place, Any]]:
    """Values of modules and of their classes, less what makes up their code."""
    for module in modules:
        scope = sys.modules[module]
        later = main.later if module == MAIN else frozenset()
        for name, value in list(vars(scope).items()):
            is_own = isinstance(value, type | FunctionType | ModuleType) or _is_generator(value)
            if not name.startswith("__") and (name in later or not is_own):
                yield (module, "", name), value
            if isinstance(value, type) and _resolve(module, value.__qualname__) is value:
                yield from _entries_of_class(module, value)


def _is_generator(value: Any) -> bool:
    """Whether it draws random numbers: two workers with one state would draw the same."""
    module = type(value).__module__
    return module == "random" or module.startswith("numpy.random.")


def _entries_of_class(module: str, owner: type) -> Iterator[tuple[Place, Any]]:
    if isinstance(owner, EnumType) or owner.__module__ != module:
        return
    for name, value in list(vars(owner).items()):
        if not name.startswith("__") and not hasattr(value, "__get__"):
            yield (module, owner.__qualname__, name), value


def _digest(value: Any, place: Place, main: MainModule) -> bytes:
    bound_later = place[0] == MAIN and place[2] in main.later
    file = io.BytesIO() if bound_later else _Limited()
    _StatePickler(file, main).dump(value)
    return hashlib.sha256(file.getbuffer()).digest()


def _scope(place: Place) -> Any:
    module, owner, _ = place
    return _resolve(module, owner) if owner else sys.modules[module]


def _is_later(value: Any, main: MainModule) -> bool:
    return value.__module__ == MAIN and value.__qualname__.partition(".")[0] in main.later


def _path(value: Any, main: MainModule) -> tuple[str, int] | None:
    """How a function or class of the main module is found there: its name, and how many decorators
    are around it."""
    if not isinstance(value, type | FunctionType) or value.__module__ != MAIN:
        return None
    if "<locals>" in value.__qualname__ or _is_later(value, main):
        return None
    found, n_wrappers = _resolve(MAIN, value.__qualname__), 0
    while found is not None and found is not value:
        found, n_wrappers = getattr(found, "__wrapped__", None), n_wrappers + 1
    return None if found is None else (value.__qualname__, n_wrappers)


def _resolve(module: str, name: str) -> Any:
    found: Any = sys.modules[module]
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


def _follow(name: str, n_wrappers: int) -> Any:
    found = _resolve(MAIN, name)
    for _ in range(n_wrappers):
        found = found.__wrapped__
    return found


def _globals(name: str) -> dict[str, Any]:
    return vars(importlib.import_module(name))
