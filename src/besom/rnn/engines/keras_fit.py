"""Implements ``training.engine=keras``: stock ``Model.fit``, the reference for the XLA engine."""

import keras
import numpy as np
from numpy.typing import NDArray

from besom.rnn.data import Split
from besom.rnn.engines.base import ClassWeights, Score, macro_f1


class KerasEngine:
    """An :class:`besom.rnn.engines.base.Engine` that leaves all but the order to Keras."""

    name = "keras"

    def __init__(
        self,
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        train: Split,
        batch_size: int,
        class_weights: ClassWeights | None = None,
    ) -> None:
        self._model = keras.Model(model.input, model.output)  # so that the optimizer is not saved
        optimizer.build(self._model.trainable_variables)
        self.variables = [*self._model.variables, *optimizer.variables]
        self._train = train
        self._batch_size = batch_size
        self._class_weights = None if class_weights is None else dict(enumerate(class_weights))
        self._n_outputs = model.output_shape[-1]
        loss = "binary" if self._n_outputs == 1 else "sparse_categorical"
        self._model.compile(optimizer=optimizer, loss=f"{loss}_crossentropy", metrics=["accuracy"])

    def train(self, order: NDArray[np.int32]) -> Score:
        """See :class:`besom.rnn.engines.base.Engine`."""
        history = self._model.fit(
            self._train.tokens[order],
            self._train.labels[order],
            batch_size=self._batch_size,
            shuffle=False,
            class_weight=self._class_weights,
            verbose=0,
        ).history
        return Score(history["loss"][0], history["accuracy"][0])

    def evaluate(self, split: Split) -> Score:
        """See :class:`besom.rnn.engines.base.Engine`."""
        found = self._model.evaluate(
            split.tokens, split.labels, self._batch_size, verbose=0, return_dict=True
        )
        return Score(found["loss"], found["accuracy"], self._macro_f1(split))

    def _macro_f1(self, split: Split) -> float | None:
        """Compute macro F1 in a second pass: Keras' ``F1Score`` counts absent classes as 0."""
        if self._n_outputs == 1:
            return None
        answers = self._model.predict(split.tokens, self._batch_size, verbose=0).argmax(axis=1)
        right = answers[answers == split.labels]
        return macro_f1(*map(self._counts, (right, answers, split.labels)))

    def _counts(self, classes: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.bincount(classes, minlength=self._n_outputs)
