"""Keras' Adam with fewer passes over its memory, which is most of an epoch with large tables.

Both moments fade at each step, in every row of a table. Here they are kept divided by what they
have faded to, ``beta ** steps``: a step then adds to the rows that its batch has, and leaves the
others as they are. The weights, all of which move at each step, are the only pass that is left.
Results differ by rounding. After so many steps that the divisor is small, and before anyone else
looks, the moments are multiplied by it, and are Keras' own.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import keras
import tensorflow as tf

PERIOD = 64
"""Steps. 0.9 ** 64 is a thousandth."""

Gradient: TypeAlias = tf.Tensor | tf.IndexedSlices


class Adam(keras.optimizers.Adam):  # type: ignore[misc]  # Keras has no types
    """A drop-in for :class:`keras.optimizers.Adam` that steps inside of :meth:`period` only.

    As with Keras', the square of a table's gradient is that of each occurrence of a row in the
    batch, not of their sum.

    Raises:
        ValueError: ``amsgrad`` is asked for, which it has not.
    """

    _before: tf.Tensor | None = None
    """Steps before this period."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        if self.amsgrad:
            raise ValueError("no amsgrad here; keras.optimizers.Adam has it")

    @contextmanager
    def period(self) -> Iterator[None]:
        """Inside this block, the moments are divided; for :data:`PERIOD` steps at most."""
        self._before = tf.identity(self.iterations.value)
        try:
            yield
            self._settle()
        finally:
            self._before = None

    def _settle(self) -> None:
        """Multiply the moments by what they are divided by."""
        for beta, moments in ((self.beta_1, self._momentums), (self.beta_2, self._velocities)):
            for moment in moments:
                moment.assign(moment * beta ** self._steps(moment.dtype))

    def update_step(
        self, gradient: Gradient, variable: keras.Variable, learning_rate: tf.Tensor
    ) -> None:
        """See :meth:`keras.optimizers.Adam.update_step`."""
        index, dtype = self._get_variable_index(variable), variable.dtype
        m, v = self._momentums[index], self._velocities[index]
        faded_1, faded_2 = (beta ** (self._steps(dtype) + 1) for beta in (self.beta_1, self.beta_2))
        gradient = tf.cast(gradient, dtype)
        self.assign_add(m, _map(gradient, lambda g: g * ((1 - self.beta_1) / faded_1)))
        self.assign_add(v, _map(gradient, lambda g: g**2 * ((1 - self.beta_2) / faded_2)))
        step = tf.cast(self.iterations.value + 1, dtype)
        unbiased = tf.sqrt(1 - self.beta_2**step) / (1 - self.beta_1**step)
        rate = tf.cast(learning_rate, dtype) * unbiased * faded_1
        self.assign_sub(variable, m * rate / (tf.sqrt(v * faded_2) + self.epsilon))

    def _steps(self, dtype: str) -> tf.Tensor:
        """Those that this period has had."""
        if self._before is None:
            raise RuntimeError("a step outside of period()")
        return tf.cast(self.iterations.value - self._before, dtype)


def _map(gradient: Gradient, change: Callable[[tf.Tensor], tf.Tensor]) -> Gradient:
    if isinstance(gradient, tf.IndexedSlices):
        return tf.IndexedSlices(change(gradient.values), gradient.indices, gradient.dense_shape)
    return change(gradient)
