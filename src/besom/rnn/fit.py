"""Training as a generator of epochs: a caller that has seen enough stops asking."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from besom.rnn.data import Split
from besom.rnn.engines.base import Engine


@dataclass(frozen=True)
class Epoch:
    """What one epoch came to; ``number`` counts from 1, ``seconds`` holds the validation too."""

    number: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    seconds: float

    @property
    def metrics(self) -> dict[str, float]:
        """The four numbers that Keras' ``History`` would hold, by the same names."""
        return {
            "loss": self.loss,
            "accuracy": self.accuracy,
            "val_loss": self.val_loss,
            "val_accuracy": self.val_accuracy,
        }


Order = Callable[[int], NDArray[np.int32]]
"""The number of an epoch -> the order of the training reviews in it: int32 [reviews]."""


def fit(
    engine: Engine, order: Order, validation: Split, epochs: int, done: int = 0
) -> Iterator[Epoch]:
    """Train up to ``epochs`` epochs, of which so many are done, and yield each one's record."""
    for number in range(done + 1, epochs + 1):
        start = time.perf_counter()
        trained = engine.train(order(number))
        validated = engine.evaluate(validation)
        yield Epoch(
            number,
            loss=trained.loss,
            accuracy=trained.accuracy,
            val_loss=validated.loss,
            val_accuracy=validated.accuracy,
            seconds=time.perf_counter() - start,
        )


def make_order(shuffle: str, seed: int, reviews: int) -> Order:
    """How ``training.shuffle`` orders the reviews; both engines then see the same batches.

    ``once`` is what stock ``fit(shuffle=True)`` does after ``keras.utils.set_random_seed``;
    ``every_epoch`` is what it promises: docs/decisions/007.
    """
    if shuffle == "once":
        return lambda epoch: order_of(seed, 1, reviews)
    return lambda epoch: order_of(seed, epoch, reviews)


def order_of(seed: int, epoch: int, reviews: int) -> NDArray[np.int32]:
    """The order of the reviews in one epoch: int32 [reviews].

    It depends on its arguments alone, so an epoch can be repeated without those before it.
    """
    return np.random.default_rng((seed, epoch)).permutation(reviews).astype(np.int32)
