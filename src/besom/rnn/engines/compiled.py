"""A compiled TensorFlow program that is found again, leaves nothing in the process, and outlives a
damaged cache."""

import hashlib
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count

import tensorflow as tf
from tensorflow.python.eager.polymorphic_function import concrete_function
from tensorflow.python.framework import ops
from tensorflow.python.ops import control_flow_util_v2

from besom.rnn import environment

_PREFIX = "CustomGradient-"

log = logging.getLogger(__name__)


class Program:
    """Traced at once; compiled, or loaded from XLA's cache, at the first call.

    Where XLA can neither load an entry nor write one, the call fails, and goes on failing in this
    process under that name. Then the cache is emptied, and programs have other names.

    Args:
        identity: all that the code depends on, see :func:`repeatable_names`.
        trace: makes the concrete function.
    """

    def __init__(self, identity: str, trace: Callable[[], Callable[..., tf.Tensor]]) -> None:
        self._identity = identity
        self._trace = trace
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

    def _traced(self) -> Callable[..., tf.Tensor]:
        programs = environment.program_cache()
        names = f"{programs.times_cleared if programs else 0} {self._identity}"
        with repeatable_names(names), passing_gradients():
            return self._trace()


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
