"""Implements Keras' Adam with fewer passes over its variables.

With large tables these passes take most of an epoch. Both moments decay at each step, in every row
of a table. Here they are stored divided by their decay, ``beta ** steps``: a step then changes only
the rows of its batch. One pass is left, over the weights, which all move at each step. Before the
divisor becomes too small, and before other code reads the moments, they are multiplied by it, and
equal Keras' own. Results differ by rounding only.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import keras
import tensorflow as tf

PERIOD = 64
"""The most steps with divided moments. 0.9 ** 64 is about a thousandth."""

Gradient: TypeAlias = tf.Tensor | tf.IndexedSlices


class Adam(keras.optimizers.Adam):  # type: ignore[misc]  # Keras has no types
    """A drop-in for :class:`keras.optimizers.Adam` that steps only inside :meth:`period`.

    As in Keras, a table's gradient is squared for each occurrence of a row in the batch, not for
    their sum.

    Raises:
        ValueError: ``amsgrad`` was requested, which is not supported.
    """

    _before: tf.Tensor | None = None
    """The number of steps before this period."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        if self.amsgrad:
            raise ValueError("no amsgrad here; keras.optimizers.Adam has it")

    @contextmanager
    def period(self) -> Iterator[None]:
        """Keep the moments divided inside this block, for at most :data:`PERIOD` steps."""
        self._before = tf.identity(self.iterations.value)
        try:
            yield
            self._settle()
        finally:
            self._before = None

    def _settle(self) -> None:
        """Multiply the moments by their divisor."""
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
        """Return the number of steps in this period so far."""
        if self._before is None:
            raise RuntimeError("a step outside of period()")
        return tf.cast(self.iterations.value - self._before, dtype)


def _map(gradient: Gradient, change: Callable[[tf.Tensor], tf.Tensor]) -> Gradient:
    if isinstance(gradient, tf.IndexedSlices):
        return tf.IndexedSlices(change(gradient.values), gradient.indices, gradient.dense_shape)
    return change(gradient)
