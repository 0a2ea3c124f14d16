"""Makes the optimizer of a configuration, with its learning rate schedule."""

import math
from typing import Any

import keras
from keras import ops

from besom.rnn.config import Training
from besom.rnn.engines.adam import Adam
from besom.rnn.engines.base import OPTIMIZERS


def make_optimizer(
    training: Training, n_reviews: int, *, compiled: bool = False
) -> keras.optimizers.Optimizer:
    """Make an optimizer of Keras, or one that computes the same. It is not built yet.

    ``weight_decay`` is decoupled from the gradient (Loshchilov and Hutter 2019, "Decoupled Weight
    Decay Regularization": with ``adam``, this is AdamW). ``global_clipnorm`` scales all gradients
    of a step down to a common norm (Pascanu, Mikolov and Bengio 2013, "On the difficulty of
    training recurrent neural networks").

    Args:
        n_reviews: the number of training reviews, which determines the steps of an epoch.
        compiled: make it for a program of :mod:`besom.rnn.engines.xla`.
    """
    asked = {"weight_decay": training.weight_decay, "global_clipnorm": training.global_clipnorm}
    others = {name: value for name, value in asked.items() if value}
    rate: Any = training.learning_rate
    kind = training.learning_rate_schedule or "constant"
    if kind != "constant" or training.warmup:
        n_steps = training.epochs * math.ceil(n_reviews / training.batch_size)
        n_warmup = round((training.warmup or 0) * n_steps)
        rate = Schedule(kind, rate, n_steps, n_warmup)
    if compiled and training.optimizer == "adam":
        return Adam(rate, **others)
    return getattr(keras.optimizers, OPTIMIZERS[training.optimizer])(rate, **others)


def variables_of(optimizer: keras.optimizers.Optimizer) -> list[keras.Variable]:
    """Return all variables that a step uses beside the weights, in a fixed order: those of
    ``optimizer.variables``, and those of a schedule, which it leaves out."""
    schedule = getattr(optimizer, "_learning_rate", None)
    others = schedule.variables if isinstance(schedule, Schedule) else []
    return [*optimizer.variables, *others]


class Schedule(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
    """A learning rate that grows over the first steps, and then falls to 0 or stays constant.

    The growth is linear (Goyal et al. 2017, "Accurate, Large Minibatch SGD"). The fall is linear,
    or half a cosine (Loshchilov and Hutter 2017, "SGDR"); the rate would reach 0 one step after the
    last. The numbers are variables, not constants of a compiled program, so that trainings with
    different numbers share a program.

    Args:
        kind: ``constant``, ``cosine`` or ``linear``.
        peak: the largest rate.
        n_steps: the number of steps of the whole training.
        n_warmup: the number of steps in which the rate grows.
    """

    def __init__(self, kind: str, peak: float, n_steps: int, n_warmup: int) -> None:
        self._kind = kind
        self.variables = [
            keras.Variable(float(value), trainable=False, dtype="float32")
            for value in (peak, n_steps, n_warmup)
        ]
        self._peak, self._n_steps, self._n_warmup = self.variables

    def __call__(self, step: Any) -> Any:
        """Return the rate of a step; the first step is 0."""
        step = ops.cast(step, "float32")
        grown = ops.minimum(1.0, (step + 1.0) / ops.maximum(self._n_warmup, 1.0))
        left = self._n_steps - self._n_warmup
        done = ops.clip((step - self._n_warmup) / ops.maximum(left, 1.0), 0.0, 1.0)
        if self._kind == "cosine":
            return self._peak * grown * 0.5 * (1.0 + ops.cos(math.pi * done))
        return self._peak * grown * (1.0 - done if self._kind == "linear" else 1.0)

    def get_config(self) -> dict[str, str]:
        """Return the settings that are compiled into a program."""
        return {"kind": self._kind}
