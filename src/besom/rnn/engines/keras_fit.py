"""``training.engine=keras``: stock ``Model.fit``, the reference that the XLA engine is held to."""

import keras
import numpy as np
from numpy.typing import NDArray

from besom.rnn.data import Split
from besom.rnn.engines.base import Score


class KerasEngine:
    """An :class:`besom.rnn.engines.base.Engine` that leaves everything to Keras but the order."""

    def __init__(
        self,
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        train: Split,
        batch_size: int,
    ) -> None:
        self._model = keras.Model(model.input, model.output)  # so that the optimizer is not saved
        optimizer.build(self._model.trainable_variables)
        self.variables = [*self._model.variables, *optimizer.variables]
        self._train = train
        self._batch_size = batch_size
        self._model.compile(optimizer=optimizer, loss="binary_crossentropy", metrics=["accuracy"])

    def train(self, order: NDArray[np.int32]) -> Score:
        """See :class:`besom.rnn.engines.base.Engine`."""
        history = self._model.fit(
            self._train.tokens[order],
            self._train.labels[order],
            batch_size=self._batch_size,
            shuffle=False,
            verbose=0,
        ).history
        return Score(history["loss"][0], history["accuracy"][0])

    def evaluate(self, split: Split) -> Score:
        """See :class:`besom.rnn.engines.base.Engine`."""
        found = self._model.evaluate(
            split.tokens, split.labels, self._batch_size, verbose=0, return_dict=True
        )
        return Score(found["loss"], found["accuracy"])
