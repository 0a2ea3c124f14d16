"""What trains and scores a model: several engines, one mathematics, one interface."""

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from besom.rnn.config import Training
from besom.rnn.data import Split

if TYPE_CHECKING:
    import keras

ENGINES = {
    "xla": "besom.rnn.engines.xla.XlaEngine",
    "keras": "besom.rnn.engines.keras_fit.KerasEngine",
}
"""A class for each ``training.engine``, made of a model, an optimizer, the training reviews and a
batch size. They are named, since TensorFlow takes seconds to import."""

OPTIMIZERS = {"adam": "Adam", "rmsprop": "RMSprop", "sgd": "SGD"}
"""The class in ``keras.optimizers`` for each ``training.optimizer``."""


@dataclass(frozen=True)
class Score:
    """Mean binary cross-entropy, and the share of right answers at the threshold 0.5."""

    loss: float
    accuracy: float


class Engine(Protocol):
    """Holds a model and its training reviews. The model's weights are always up to date."""

    variables: "list[keras.Variable]"
    """All that an epoch changes: weights, random generators, the optimizer's memory."""

    def train(self, order: NDArray[np.int32]) -> Score:
        """One epoch over the training reviews in this order.

        The score is the mean over all reviews, each judged by the weights before its batch.
        """
        ...

    def evaluate(self, split: Split) -> Score:
        """The score of the model as it is."""
        ...


def import_engines() -> None:
    """Import all of them, and TensorFlow with them."""
    for name in ENGINES.values():
        import_module(name.rpartition(".")[0])


def make_engine(model: "keras.Model", training: Training, train: Split) -> Engine:
    """The engine named by ``training.engine``, ready to train on ``train``."""
    import keras

    optimizer = getattr(keras.optimizers, OPTIMIZERS[training.optimizer])(training.learning_rate)
    module, _, kind = ENGINES[training.engine].rpartition(".")
    engine: Engine = getattr(import_module(module), kind)(
        model, optimizer, train, training.batch_size
    )
    return engine
