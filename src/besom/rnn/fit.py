"""Trains a model as a generator of epochs: a caller stops it by not asking for the next one."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from besom.rnn.data import Split
from besom.rnn.engines.base import Engine

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Epoch:
    """The results of one epoch; ``number`` counts from 1, ``seconds`` includes the validation.

    ``val_macro_f1`` is None for two classes.
    """

    number: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    seconds: float
    val_macro_f1: float | None = None

    @property
    def metrics(self) -> dict[str, float]:
        """The four metrics of Keras' ``History``, under the same names, and macro F1."""
        macro_f1 = {} if self.val_macro_f1 is None else {"val_macro_f1": self.val_macro_f1}
        return {
            "loss": self.loss,
            "accuracy": self.accuracy,
            "val_loss": self.val_loss,
            "val_accuracy": self.val_accuracy,
            **macro_f1,
        }


Order = Callable[[int], NDArray[np.int32]]
"""Maps the number of an epoch to the order of its training reviews: int32 [reviews]."""


def fit(
    engine: Engine, order: Order, validation: Split, epochs: int, done: int = 0
) -> Iterator[Epoch]:
    """Train up to ``epochs`` epochs, of which ``done`` are done already, and yield each epoch."""
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
            val_macro_f1=validated.macro_f1,
            seconds=time.perf_counter() - start,
        )


def make_order(shuffle: str, seed: int, reviews: int) -> Order:
    """Return the order of reviews for ``training.shuffle``; both engines then see the same batches.

    ``once`` is what stock ``fit(shuffle=True)`` does after ``keras.utils.set_random_seed``;
    ``every_epoch`` is what its documentation says: see docs/decisions/007.
    """
    if shuffle == "once":
        return lambda epoch: order_of(seed, 1, reviews)
    return lambda epoch: order_of(seed, epoch, reviews)


def order_of(seed: int, epoch: int, reviews: int) -> NDArray[np.int32]:
    """Return the order of the reviews in one epoch: int32 [reviews].

    It depends only on the arguments, so an epoch can be repeated without those before it.
    """
    return np.random.default_rng((seed, epoch)).permutation(reviews).astype(np.int32)


class EarlyStopping:
    """Follows a training, decides when to stop, and keeps the best weights.

    Args:
        model: the model in training.
        restore: keep the best weights, which :meth:`kept` restores.
        patience: the number of epochs without a better ``val_accuracy`` after which :meth:`see`
            says stop; None never stops.
    """

    def __init__(self, model: "keras.Model", *, restore: bool, patience: int | None) -> None:
        self._model = model
        self._restore = restore
        self._patience = patience
        self._best: Epoch | None = None
        self._last: Epoch | None = None
        self.weights: Sequence[NDArray[np.generic]] = []
        """The weights of the best epoch; empty unless they are to be restored."""

    def see(self, epoch: Epoch) -> bool:
        """Note an epoch, and return whether to go on. The first of equal epochs is the best."""
        if self._rank(epoch) and self._restore:
            self.weights = self._model.get_weights()
        return self.goes_on

    @property
    def goes_on(self) -> bool:
        """Whether to train another epoch, by the epochs so far."""
        if self._patience is None or self._best is None or self._last is None:
            return True
        return self._last.number - self._best.number < self._patience

    def go_on(self, epochs: Sequence[Epoch], weights: Sequence[NDArray[np.generic]]) -> None:
        """Restore the state after an earlier process's epochs, with the best ``weights``."""
        for epoch in epochs:
            self._rank(epoch)
        self.weights = weights

    def _rank(self, epoch: Epoch) -> bool:
        """Note an epoch, and return whether it is the best so far."""
        self._last = epoch
        if self._best is not None and epoch.val_accuracy <= self._best.val_accuracy:
            return False
        self._best = epoch
        return True

    def kept(self) -> Epoch:
        """Return the epoch whose weights the model keeps: the best one, restored, or the last."""
        assert self._best and self._last, "no epoch was seen"
        if not self._restore:
            return self._last
        self._model.set_weights(self.weights)
        return self._best
