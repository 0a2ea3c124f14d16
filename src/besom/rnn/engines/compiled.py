"""Keeps compiled TensorFlow programs for later trials of the same shapes.

A process keeps its last few traced programs: tracing takes longer than loading a compiled program.
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
"""The limits for the traced programs that a process keeps, with the variables of each trace. A
training has three programs: an epoch, the scores, a prediction."""
_PREFIX = "CustomGradient-"

log = logging.getLogger(__name__)

Traced = Callable[..., tf.Tensor]
Trace = Callable[[], Any]


class Program:
    """A program. It is traced or reused at once, see :func:`traced`, and compiled or loaded from
    XLA's cache at the first call.

    Where XLA can neither load a cache entry nor write one, the call fails, and continues to fail in
    this process under the same name. The cache is then emptied, and programs get other names.

    Args:
        identity: everything that the code depends on, see :func:`repeatable_names`.
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
        """Run the program."""
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
    """Return a callable program, which is traced under :func:`repeatable_names`.

    Args:
        identity: everything that its code depends on.
        trace: makes the concrete function.
        variables: all variables that the code reads and writes, in an order that ``identity``
            determines. With them, this process reuses a program that it has traced before; without
            them, it traces the program again.
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
    """A traced function, whose variables can be replaced by others of the same shapes.

    Attributes:
        places: for each tensor that the function has captured, the index of the variable whose
            handle it is; None for a tensor that is not replaced.
        n_bytes: the size of the variables.
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
        """Whether to keep it: not if it uses a variable that was not given, or much memory."""
        captured = zip(self.function.captured_inputs, self.places, strict=True)
        is_closed = all(place is not None or one.dtype != tf.resource for one, place in captured)
        return is_closed and self.n_bytes <= KEPT_BYTES

    def bound_to(self, handles: Sequence[tf.Tensor]) -> Traced:
        """Return the program with these variables."""
        captured = [
            own if place is None else handles[place]
            for own, place in zip(self.function.captured_inputs, self.places, strict=True)
        ]
        return lambda *arguments: self.function._call_flat([*arguments], captured)


_kept = OrderedDict[str, _Traced]()
"""The kept programs by identity, the last used one at the end."""


def _let_go() -> None:
    """Remove the least recently used programs beyond the limits."""
    while len(_kept) > MOST_KEPT or sum(one.n_bytes for one in _kept.values()) > KEPT_BYTES:
        _kept.popitem(last=False)


@contextmanager
def repeatable_names(program: str) -> Iterator[None]:
    """Give TensorFlow functions names that depend only on the program, inside this block.

    TensorFlow numbers the functions that it traces, and XLA's caches, in memory and on disk, use
    these names in their keys: a program that is traced second in a process would be compiled again.
    With names from ``program``, XLA finds a program that any process has compiled before.

    Args:
        program: everything that the code depends on; two programs with equal values would be
            confused.
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
    """Forget the gradients that are registered inside this block. Programs traced in it cannot be
    differentiated again afterwards.

    TensorFlow registers every use of ``tf.custom_gradient`` in a graph under a new name, and keeps
    it with the whole graph for the life of the process: 4.7 MB for each training.
    """
    registered = ops.gradient_registry._registry
    before = set(registered)
    try:
        yield
    finally:
        for name in [*registered]:
            if name.startswith(_PREFIX) and name not in before:
                del registered[name]
