"""A compiled TensorFlow program that is found again, and outlives a damaged cache."""

import logging
from collections.abc import Callable

import tensorflow as tf

from besom.rnn import environment
from besom.rnn.passing_gradients import passing_gradients
from besom.rnn.repeatable_names import repeatable_names

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
