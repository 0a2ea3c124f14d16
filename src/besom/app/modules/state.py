"""Pickles an application for a worker by reference to its modules, with their changed values.

Registries that were filled and globals that were set before the call of the task reach a worker
too. The worker compares each with what its own import has made, and sets it only where it differs.
A value that each import makes anew, such as a process id or a random generator, stays the worker's
own.
"""

import hashlib
import importlib
import io
import pickle
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from types import FunctionType, ModuleType
from typing import Any

import cloudpickle
from hydra.core.singleton import Singleton

from besom.app.modules.import_made import Names, Place
from besom.app.modules.main_module import MAIN, MainModule
from besom.app.modules.own_files import own_modules
from besom.app.modules.uncarried import NOTHING, Outlines, Uncarried, read_outlines

MOST_BYTES = 16 << 20
"""The size limit of one global's pickle. A larger one is left as the import makes it, unless it is
bound under the guard."""


class Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    """Pickles functions and classes that the main module's import makes by reference.

    Functions that are pickled by value share their module's globals in the worker too.

    Args:
        main: the main module; None where it cannot be run again.
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
        globals_ = getattr(sys.modules.get(name), "__dict__", None)
        if globals_ is not function.__globals__ or (name == MAIN and self._main is None):
            return reduced
        make, (code, _, *rest), (attributes, slots), *others = reduced
        state = attributes, slots | {"__globals__": {}}
        return _make_in_module, (make, name, code, *rest), state, *others


class _StatePickler(Pickler):
    """A pickler that refuses a class which only its module can make: a copy would be a second."""

    met_generator = False

    def reducer_override(self, value: Any) -> Any:
        if isinstance(type(value), Singleton):
            return Singleton.instance, (type(value),)
        if name := _shared_name(value):
            return name
        self.met_generator = self.met_generator or _is_generator(value)
        reduced = super().reducer_override(value)
        by_value = isinstance(value, type) and isinstance(reduced, tuple) and len(reduced) > 2
        if by_value and not (self._main and _is_later(value, self._main)):
            raise TypeError(f"{value} is made by its module only")
        return reduced


class _TooLarge(Exception):
    pass


class _Limited(io.BytesIO):
    def write(self, part: Any) -> int:
        if self.tell() + memoryview(part).nbytes > MOST_BYTES:
            raise _TooLarge
        return super().write(part)


@dataclass(frozen=True)
class Carried:
    """The state of the application's own modules.

    Attributes:
        modules: their names.
        digests: a digest of each value.
        values: all values in one pickle, so that objects which two of them share stay shared.
        uncarried: entries that are left as the import makes them.
        outlines: compares those entries.
    """

    main: MainModule
    modules: tuple[str, ...]
    digests: dict[Place, bytes]
    values: bytes
    uncarried: tuple[Uncarried, ...]
    outlines: Outlines

    def put(self) -> tuple[str, ...]:
        """Import the modules here and set the values that differ from the application's.

        Returns:
            Sentences that name the values that were set but could not be carried over.
        """
        for name in self.modules:
            importlib.import_module(name)
        differing = [place for place in self.digests if self._differs(place)]
        values = pickle.loads(self.values) if differing else {}
        for place in differing:
            _put(place, values[place])
        lost = [one for one in self.uncarried if self.outlines.differ(one, _held(one.place))]
        named = {one.identity: one for one in reversed(lost)}  # one object is named once
        return tuple(one.sentence(self.main) for one in lost if named[one.identity] is one)

    def _differs(self, place: Place) -> bool:
        """Return whether the import's value is to be replaced.

        One with a random generator is not: two workers with one state would draw the same numbers.
        """
        own = _held(place)
        with suppress(Exception):  # whatever the pickling of an unknown object raises
            if _digest(own, place, self.main) == self.digests[place]:
                return False
        pickler = _StatePickler(_Limited(), self.main)
        with suppress(Exception):
            pickler.dump(own)
        return not pickler.met_generator


def carry(main: MainModule, package: str) -> Carried:
    """Collect what the modules hold now, as far as it can be pickled.

    Args:
        package: the package of the task.
    """
    modules = tuple(own_modules(main, package))
    names, outlines = Names(modules), read_outlines(modules, main)
    values, digests, uncarried = {}, {}, []
    for place, value in _entries(modules, main, names):
        try:
            digests[place] = _digest(value, place, main)
            values[place] = value
        except Exception as error:  # whatever the pickling of an unknown object raises
            is_set = _is_set(place, main, names)
            outline = outlines.of(value, is_set)
            uncarried.append(Uncarried(place, id(value), _reason(error), is_set, outline))
    file = io.BytesIO()
    _StatePickler(file, main).dump(values)
    return Carried(main, modules, digests, file.getvalue(), tuple(uncarried), outlines)


def _reason(error: Exception) -> str:
    if isinstance(error, _TooLarge):
        return f"it is larger than {MOST_BYTES >> 20} MiB"
    lines = [*str(error).splitlines(), type(error).__name__]
    return f"it cannot be pickled ({lines[0]})"


def _held(place: Place) -> Any:
    """Return the value of an entry in this process; NOTHING where there is none."""
    return getattr(_resolve(*place[:2]), "__dict__", {}).get(place[2], NOTHING)


def _put(place: Place, value: Any) -> None:
    """Set an entry; containers keep their identity, since other objects may hold them."""
    own, scope = _held(place), _resolve(*place[:2])
    if type(own) is type(value) and isinstance(own, dict | set):
        own.clear()
        own.update(value)
    elif type(own) is type(value) and isinstance(own, list):
        own[:] = value
    elif scope is not None:  # a class that the import has made
        setattr(scope, place[2], value)


def _entries(
    modules: tuple[str, ...], main: MainModule, names: Names
) -> Iterator[tuple[Place, Any]]:
    """Yield what may have changed since the import; functions and classes only if code sets one."""
    for module in modules:
        for owner, scope in _scopes(module):
            for name, value in list(vars(scope).items()):
                place = module, owner, name
                if name.startswith("__"):
                    continue
                if _is_set(place, main, names) or _is_state(value, place, names):
                    yield place, value


def _scopes(module: str) -> Iterator[tuple[str, Any]]:
    """Yield a module and its classes, each after its name in the module."""
    yield "", sys.modules[module]
    for value in list(vars(sys.modules[module]).values()):
        if isinstance(value, type) and value.__module__ == module:
            yield value.__qualname__, value


def _is_set(place: Place, main: MainModule, names: Names) -> bool:
    """Return whether the source shows that an entry is bound after the import."""
    return (place[0] == MAIN and place[2] in main.later) or names.are_bound_later(place)


def _is_state(value: Any, place: Place, names: Names) -> bool:
    if isinstance(value, type | ModuleType) or hasattr(type(value), "__get__"):
        return False
    is_mutable = type(value).__hash__ is None or hasattr(value, "__dict__")
    return is_mutable or not names.are_made_by_import_alone(place)


def _digest(value: Any, place: Place, main: MainModule) -> bytes:
    """Return a digest of the value's pickle.

    Raises:
        _TooLarge: the pickle is larger than the limit.
        Exception: the value cannot be pickled, like locks and connections: imports make their own.
    """
    bound_later = place[0] == MAIN and place[2] in main.later
    file = io.BytesIO() if bound_later else _Limited()
    _StatePickler(file, main).dump(value)
    return hashlib.sha256(file.getbuffer()).digest()


def _is_generator(value: Any) -> bool:
    """Return whether it is a random generator of Python or NumPy, or its seed or bit generator."""
    modules = (str(kind.__module__) for kind in type(value).__mro__)
    return isinstance(value, Random) or any(name.startswith("numpy.random.") for name in modules)


def _shared_name(value: Any) -> str | None:
    """Return the module's name for the generator behind ``random.random``, or NumPy's ``rand``."""
    if not _is_generator(value):
        return None
    module = sys.modules.get(type(value).__module__)
    found = (name for name in ("_inst", "_rand") if getattr(module, name, None) is value)
    return next(found, None)


def _is_later(value: Any, main: MainModule) -> bool:
    return value.__module__ == MAIN and value.__qualname__.partition(".")[0] in main.later


def _path(value: Any, main: MainModule) -> tuple[str, int] | None:
    """Return the name of a main module's function or class, and how many decorators wrap it."""
    if not isinstance(value, type | FunctionType) or value.__module__ != MAIN:
        return None
    if "<locals>" in value.__qualname__ or _is_later(value, main):
        return None
    found, n_wrappers = _resolve(MAIN, value.__qualname__), 0
    while found is not None and found is not value:
        found, n_wrappers = getattr(found, "__wrapped__", None), n_wrappers + 1
    return None if found is None else (value.__qualname__, n_wrappers)


def _resolve(module: str, name: str) -> Any:
    """Return what a module has under a dotted name, or itself for an empty one; None if absent."""
    found: Any = sys.modules[module]
    for part in filter(None, name.split(".")):
        found = getattr(found, part, None)
    return found


def _follow(name: str, n_wrappers: int) -> Any:
    found = _resolve(MAIN, name)
    for _ in range(n_wrappers):
        found = found.__wrapped__
    return found


def _make_in_module(make: Callable[..., Any], module: str, code: Any, *arguments: Any) -> Any:
    """Make a function that uses the globals of its module."""
    return make(code, vars(importlib.import_module(module)), *arguments)
