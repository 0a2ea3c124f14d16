"""Compiled TensorFlow programs, kept for the next trial of the same shapes.

A process keeps the last few that it has traced: tracing takes longer than loading what is compiled.
"""

import hashlib
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

import keras
import tensorflow as tf
from tensorflow.python.eager.polymorphic_function import concrete_function
from tensorflow.python.framework import ops
from tensorflow.python.ops import control_flow_util_v2

from besom.rnn import environment

KEPT_BYTES = 64 << 20
MOST_KEPT = 12
"""What a process keeps of traced programs, with the variables that each was traced with. A training
has three: an epoch, the scores, an answer."""
_PREFIX = "CustomGradient-"

log = logging.getLogger(__name__)

Traced = Callable[..., tf.Tensor]
Trace = Callable[[], Any]


class Program:
    """Traced at once, or found, see :func:`traced`; compiled, or loaded from XLA's cache, at the
    first call.

    Where XLA can neither load an entry nor write one, the call fails, and goes on failing in this
    process under that name. Then the cache is emptied, and programs have other names.

    Args:
        identity: all that the code depends on, see :func:`repeatable_names`.
        trace: makes the concrete function.
        variables: see :func:`traced`.
    """

    def __init__(
        self, identity: str, trace: Trace, variables: Sequence[keras.Variable] | None = None
    ) -> None:
        self._identity = identity
        self._trace = trace
        self._variables = variables
        self._call = self._traced()
        self._proven = False

    def __call__(self, *arguments: tf.Tensor) -> tf.Tensor:
        """Run it."""
        if self._proven:
            return self._call(*arguments)
        try:
            result = self._call(*arguments)
        except tf.errors.OpError as error:
            programs = environment.program_cache()
            if programs is None:
                raise
            log.warning("%s is emptied, and programs compiled anew: %s", programs.folder, error)
            programs.clear()
            self._call = self._traced()
            result = self._call(*arguments)
        self._proven = True
        return result

    def _traced(self) -> Traced:
        programs = environment.program_cache()
        names = f"{programs.times_cleared if programs else 0} {self._identity}"
        return traced(names, self._trace, self._variables)


def traced(
    identity: str, trace: Trace, variables: Sequence[keras.Variable] | None = None
) -> Traced:
    """A call of a program, which is traced under :func:`repeatable_names`.

    Args:
        identity: all that its code depends on.
        trace: makes the concrete function.
        variables: all that the code reads and writes, in an order that ``identity`` settles. With
            them, what this process has traced before is not traced again; without, it is.
    """
    handles = [variable.value.handle for variable in variables or ()]
    if variables is None or identity not in _kept:
        with repeatable_names(identity), passing_gradients():
            program = _Traced.of(trace(), handles)
        if variables is not None and program.may_be_kept:
            _kept[identity] = program
            _let_go()
        return program.bound_to(handles)
    _kept.move_to_end(identity)
    return _kept[identity].bound_to(handles)


@dataclass(frozen=True)
class _Traced:
    """A traced function, which other variables of the same shapes can be put into.

    Attributes:
        places: for each tensor that the function has captured, which variable's handle it is; None
            for one that stays.
        n_bytes: of the variables.
    """

    function: Any
    places: tuple[int | None, ...]
    n_bytes: int

    @classmethod
    def of(cls, function: Any, handles: Sequence[tf.Tensor]) -> "_Traced":
        place_of = {id(handle): place for place, handle in enumerate(handles)}
        places = tuple(place_of.get(id(captured)) for captured in function.captured_inputs)
        used = function.graph.variables
        return cls(function, places, sum(one.shape.num_elements() * one.dtype.size for one in used))

    @property
    def may_be_kept(self) -> bool:
        """Not where it uses a variable that was not named, or much memory."""
        captured = zip(self.function.captured_inputs, self.places, strict=True)
        is_closed = all(place is not None or one.dtype != tf.resource for one, place in captured)
        return is_closed and self.n_bytes <= KEPT_BYTES

    def bound_to(self, handles: Sequence[tf.Tensor]) -> Traced:
        """The program of these variables."""
        captured = [
            own if place is None else handles[place]
            for own, place in zip(self.function.captured_inputs, self.places, strict=True)
        ]
        return lambda *arguments: self.function._call_flat([*arguments], captured)


_kept = OrderedDict[str, _Traced]()
"""By identity, the one that was used last at the end."""


def _let_go() -> None:
    """Of those that have not been used for longest, where there are too many."""
    while len(_kept) > MOST_KEPT or sum(one.n_bytes for one in _kept.values()) > KEPT_BYTES:
        _kept.popitem(last=False)


@contextmanager
def repeatable_names(program: str) -> Iterator[None]:
    """Names of TensorFlow functions that depend on the program alone, inside this block.

    TensorFlow numbers the functions that it traces, and XLA's caches, in memory and on disk, have
    these names in their keys: the same program traced as a process' second one is compiled again.
    With names out of ``program``, one that any process has compiled before is found.

    Args:
        program: everything that the code depends on; two programs with one key would be taken for
            one another.
    """
    digest = hashlib.sha256(program.encode()).hexdigest()[:16]
    numbers = count()

    def numbered(name: str) -> str:
        return f"{name}_{digest}_{next(numbers)}"

    original = (
        concrete_function._inference_name,
        control_flow_util_v2.unique_fn_name,
        control_flow_util_v2.unique_grad_fn_name,
    )
    _install(
        lambda name: numbered(f"__inference_{name}"),
        lambda scope, name: numbered(f"{scope}{name}").replace("/", "_"),
        lambda forward: numbered(f"{forward}_grad"),
    )
    try:
        yield
    finally:
        _install(*original)


def _install(
    inference_name: Callable[[str], str],
    unique_fn_name: Callable[[str, str], str],
    unique_grad_fn_name: Callable[[str], str],
) -> None:
    concrete_function._inference_name = inference_name
    control_flow_util_v2.unique_fn_name = unique_fn_name
    control_flow_util_v2.unique_grad_fn_name = unique_grad_fn_name


@contextmanager
def passing_gradients() -> Iterator[None]:
    """Forget the gradients that are registered inside this block: what is traced in it cannot be
    differentiated again after it.

    TensorFlow registers every use of ``tf.custom_gradient`` in a graph under a new name, for the
    life of the process, and with it the whole graph: 4.7 MB for each training.
    """
    registered = ops.gradient_registry._registry
    before = set(registered)
    try:
        yield
    finally:
        for name in [*registered]:
            if name.startswith(_PREFIX) and name not in before:
                del registered[name]
