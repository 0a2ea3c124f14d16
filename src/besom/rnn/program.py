"""A compiled TensorFlow program that outlives a broken cache entry."""

from collections.abc import Callable

import tensorflow as tf

from besom.rnn import environment
from besom.rnn.repeatable_names import repeatable_names

BROKEN_ENTRY = (
    tf.errors.DataLossError,
    tf.errors.InvalidArgumentError,
    tf.errors.OutOfRangeError,
)


class Program:
    """Traced at once, compiled or found in XLA's cache at the first call.

    TensorFlow does not compile anew when the file in the cache is damaged: it fails, and goes on
    failing under that name. So the cache is emptied, and the program traced under another name.

    Args:
        identity: all that the code depends on, see :func:`repeatable_names`.
        trace: makes the concrete function.
    """

    def __init__(self, identity: str, trace: Callable[[], Callable[..., tf.Tensor]]) -> None:
        self._identity = identity
        self._trace = trace
        self._call = self._named("first name")
        self._proven = False

    def __call__(self, *arguments: tf.Tensor) -> tf.Tensor:
        """Run it."""
        try:
            result = self._call(*arguments)
        except BROKEN_ENTRY:
            if self._proven:
                raise
            environment.forget_programs()
            self._call = self._named("second name")
            result = self._call(*arguments)
        self._proven = True
        return result

    def _named(self, name: str) -> Callable[..., tf.Tensor]:
        with repeatable_names(f"{name} {self._identity}"):
            return self._trace()
