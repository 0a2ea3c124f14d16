"""A compiled TensorFlow program that is found again, and outlives an entry that XLA refuses."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import tensorflow as tf

from besom.rnn import environment
from besom.rnn.passing_gradients import passing_gradients
from besom.rnn.repeatable_names import repeatable_names

REFUSED = (
    tf.errors.DataLossError,
    tf.errors.InternalError,
    tf.errors.InvalidArgumentError,
    tf.errors.OutOfRangeError,
)


class Program:
    """Traced at once; compiled, or found in the store of programs, at the first call.

    An entry of the store is whole, but another build of this TensorFlow may have made it. XLA does
    not compile anew where it cannot load one: it fails, and goes on failing under that name. So the
    entry is removed, and the program traced under another name.

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
        if self._proven:
            return self._call(*arguments)
        try:
            result = self._first(arguments)
        except REFUSED:
            self._forget()
            self._call = self._named("second name")
            result = self._first(arguments)
        self._proven = True
        return result

    def _first(self, arguments: tuple[tf.Tensor, ...]) -> tf.Tensor:
        with self._at_hand():
            return self._call(*arguments)

    def _at_hand(self) -> AbstractContextManager[None]:
        store = environment.program_store()
        return nullcontext() if store is None else store.at_hand(self._identity)

    def _forget(self) -> None:
        if store := environment.program_store():
            store.forget(self._identity)

    def _named(self, name: str) -> Callable[..., tf.Tensor]:
        with repeatable_names(f"{name} {self._identity}"), passing_gradients():
            return self._trace()
