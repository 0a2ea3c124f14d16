"""What trains and scores a model: two engines, one mathematics, one interface."""

from collections.abc import Callable
from typing import Protocol

import keras
import numpy as np
from numpy.typing import NDArray

from besom.rnn.config import Training
from besom.rnn.data import Split
from besom.rnn.engines.keras_fit import StockEngine
from besom.rnn.engines.score import Score
from besom.rnn.engines.xla import XlaEngine

OPTIMIZERS = {
    "adam": keras.optimizers.Adam,
    "rmsprop": keras.optimizers.RMSprop,
    "sgd": keras.optimizers.SGD,
}


class Engine(Protocol):
    """Holds a model and its training reviews. The model's weights are always up to date."""

    variables: list[keras.Variable]
    """All that an epoch changes: weights, random generators, the optimizer's memory."""

    def train(self, order: NDArray[np.int32]) -> Score:
        """One epoch over the training reviews in this order.

        The score is the mean over all reviews, each judged by the weights before its batch.
        """
        ...

    def evaluate(self, split: Split) -> Score:
        """The score of the model as it is."""
        ...


ENGINES: dict[str, Callable[[keras.Model, keras.optimizers.Optimizer, Split, int], Engine]] = {
    "xla": XlaEngine,
    "keras": StockEngine,
}


def make_engine(model: keras.Model, training: Training, train: Split) -> Engine:
    """The engine named by ``training.engine``, ready to train on ``train``."""
    optimizer = OPTIMIZERS[training.optimizer](training.learning_rate)
    return ENGINES[training.engine](model, optimizer, train, training.batch_size)
