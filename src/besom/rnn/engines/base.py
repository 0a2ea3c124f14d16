"""Defines the interface of engines, which train and score a model, and makes them."""

import logging
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

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
"""The class of each ``training.engine``. Its arguments are a model, an optimizer, the training
reviews, a batch size, and class weights. Classes are given by name, since TensorFlow takes seconds
to import."""

SCHEDULES = ("constant", "cosine", "linear")
"""The values of ``training.learning_rate_schedule``; null means ``constant``."""

OPTIMIZERS = {"adam": "Adam", "rmsprop": "RMSprop", "sgd": "SGD"}
"""The class in ``keras.optimizers`` for each ``training.optimizer``."""


CLASS_WEIGHTS = ("balanced",)
"""The values of ``training.class_weight`` beside null."""

log = logging.getLogger(__name__)

ClassWeights = NDArray[np.float32]
"""float32 [n_classes]: the weight of a training text of each class in the loss."""


@dataclass(frozen=True)
class Score:
    """Mean cross-entropy, and the share of right answers: for two classes at the threshold 0.5, for
    more the class with the largest probability.

    ``macro_f1`` is None for two classes, and for the training score of an epoch.
    """

    loss: float
    accuracy: float
    macro_f1: float | None = None

    @property
    def metrics(self) -> dict[str, float]:
        """The metrics by name, without those that are None."""
        found = {"loss": self.loss, "accuracy": self.accuracy, "macro_f1": self.macro_f1}
        return {name: value for name, value in found.items() if value is not None}


class Engine(Protocol):
    """Trains a model on its training reviews, and scores it. The weights are always up to date."""

    name: str
    """The engine's name in ``training.engine``."""
    variables: "list[keras.Variable]"
    """Everything that an epoch changes: weights, random generators, the optimizer's variables."""

    def train(self, order: NDArray[np.int32]) -> Score:
        """Train one epoch over the training reviews in this order.

        The score is the mean over all reviews, each scored with the weights before its batch. Like
        Keras', this loss includes the class weights; scores of :meth:`evaluate` do not.
        """
        ...

    def evaluate(self, split: Split) -> Score:
        """Return the score of the model as it is."""
        ...


def import_engines() -> None:
    """Import all engines, and TensorFlow with them."""
    for name in ENGINES.values():
        import_module(name.rpartition(".")[0])


def make_engine(
    model: "keras.Model",
    training: Training,
    train: Split,
    n_classes: int,
    made_of: str | None = None,
) -> Engine:
    """Make the engine named by ``training.engine``, ready to train on ``train``.

    Args:
        made_of: for a model of the user's own, what tells it apart from models with the same saved
            configuration; None for those of ``build_model``. Stock Keras trains the user's model
            where ``xla`` would give other numbers.
    """
    from besom.rnn.engines.optimizer import make_optimizer  # imports TensorFlow

    weights = class_weights(training, train, n_classes)
    name = training.engine if made_of is None else _suited(training.engine, model)
    optimizer = make_optimizer(training, len(train), compiled=name == "xla")
    module, _, kind = ENGINES[name].rpartition(".")
    named = {"made_of": made_of} if name == "xla" and made_of else {}
    engine: Engine = getattr(import_module(module), kind)(
        model, optimizer, train, training.batch_size, weights, **named
    )
    return engine


def _suited(name: str, model: "keras.Model") -> str:
    from besom.rnn.engines.suited import unsuited  # imports TensorFlow

    if name == "keras" or not (reason := unsuited(model)):
        return name
    log.warning("stock Keras trains this model, not training.engine=%s: %s", name, reason)
    return "keras"


def class_weights(training: Training, train: Split, n_classes: int) -> ClassWeights | None:
    """Return the weights for ``training.class_weight``; None where all texts count equally.

    ``balanced`` gives each class the same sum: ``reviews / (n_classes * reviews of the class)``
    (King and Zeng 2001, "Logistic Regression in Rare Events Data"), as in scikit-learn.
    """
    if training.class_weight is None:
        return None
    counts = np.bincount(train.labels, minlength=n_classes)
    return (len(train) / (n_classes * np.maximum(counts, 1))).astype(np.float32)


def macro_f1(right: NDArray[Any], answered: NDArray[Any], actual: NDArray[Any]) -> float:
    """Return the mean F1 of the classes, each ``2 right / (answered + actual)``. Classes that are
    neither predicted nor present are left out, as in scikit-learn.

    Args:
        right: [n_classes], how often each class was predicted correctly.
        answered: [n_classes], how often it was predicted at all.
        actual: [n_classes], how many texts belong to it.
    """
    met = answered + actual > 0
    return float(np.mean(2 * right[met] / (answered + actual)[met]))
