"""The best epoch so far, by ``val_accuracy``."""

from collections.abc import Sequence

import keras
import numpy as np
from numpy.typing import NDArray

from besom.rnn.fit import Epoch


class Best:
    """Follows a training, and knows when to give up and which weights were best.

    Args:
        model: the model in training.
        restore: keep the best weights, for :meth:`kept` to put back.
        patience: epochs without a better ``val_accuracy`` before :meth:`see` says stop;
            None never does.
    """

    def __init__(self, model: keras.Model, *, restore: bool, patience: int | None) -> None:
        self._model = model
        self._restore = restore
        self._patience = patience
        self._best: Epoch | None = None
        self._last: Epoch | None = None
        self.weights: Sequence[NDArray[np.generic]] = []
        """Those of the best epoch, where they are to be put back."""

    def see(self, epoch: Epoch) -> bool:
        """Take note of an epoch; whether to go on. The first of equal epochs is the best."""
        if self._rank(epoch) and self._restore:
            self.weights = self._model.get_weights()
        return self.goes_on

    @property
    def goes_on(self) -> bool:
        """Whether the epochs so far are a reason to train another."""
        if self._patience is None or self._best is None or self._last is None:
            return True
        return self._last.number - self._best.number < self._patience

    def go_on(self, epochs: Sequence[Epoch], weights: Sequence[NDArray[np.generic]]) -> None:
        """Be as after these epochs, which another process has trained, and ``weights`` the best."""
        for epoch in epochs:
            self._rank(epoch)
        self.weights = weights

    def _rank(self, epoch: Epoch) -> bool:
        """Whether it is the best so far."""
        self._last = epoch
        if self._best is not None and epoch.val_accuracy <= self._best.val_accuracy:
            return False
        self._best = epoch
        return True

    def kept(self) -> Epoch:
        """The epoch whose weights the model holds from now on: the best, or the last."""
        assert self._best and self._last, "no epoch was seen"
        if not self._restore:
            return self._last
        self._model.set_weights(self.weights)
        return self._best
