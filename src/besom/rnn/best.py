"""The best epoch so far, by ``val_accuracy``."""

import keras

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
        self._weights: list[object] = []

    def see(self, epoch: Epoch) -> bool:
        """Take note of an epoch; whether to go on. The first of equal epochs is the best."""
        self._last = epoch
        if self._best is None or epoch.val_accuracy > self._best.val_accuracy:
            self._best = epoch
            if self._restore:
                self._weights = self._model.get_weights()
        return self._patience is None or epoch.number - self._best.number < self._patience

    def kept(self) -> Epoch:
        """The epoch whose weights the model holds from now on: the best, or the last."""
        assert self._best and self._last, "no epoch was seen"
        if not self._restore:
            return self._last
        self._model.set_weights(self._weights)
        return self._best
