"""The interface of engines, which train and score a model."""

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
"""A class for each ``training.engine``, made of a model, an optimizer, the training reviews, a
batch size, and weights of the classes. They are named, since TensorFlow takes seconds to import."""

SCHEDULES = ("constant", "cosine", "linear")
"""What ``training.learning_rate_schedule`` may be, beside null, which is ``constant``."""

OPTIMIZERS = {"adam": "Adam", "rmsprop": "RMSprop", "sgd": "SGD"}
"""The class in ``keras.optimizers`` for each ``training.optimizer``."""


CLASS_WEIGHTS = ("balanced",)
"""What ``training.class_weight`` may be, beside null."""

log = logging.getLogger(__name__)

ClassWeights = NDArray[np.float32]
"""float32 [n_classes]: how much a training text of each class counts in the loss."""


@dataclass(frozen=True)
class Score:
    """Mean cross-entropy and the share of right answers: of two classes at the threshold 0.5, of
    more the class of the largest probability.

    ``macro_f1`` is None for two classes, and for the epoch that was trained.
    """

    loss: float
    accuracy: float
    macro_f1: float | None = None

    @property
    def metrics(self) -> dict[str, float]:
        """By their names, those that there are."""
        found = {"loss": self.loss, "accuracy": self.accuracy, "macro_f1": self.macro_f1}
        return {name: value for name, value in found.items() if value is not None}


class Engine(Protocol):
    """Holds a model and its training reviews. The model's weights are always up to date."""

    name: str
    """Its ``training.engine``."""
    variables: "list[keras.Variable]"
    """All that an epoch changes: weights, random generators, the optimizer's memory."""

    def train(self, order: NDArray[np.int32]) -> Score:
        """One epoch over the training reviews in this order.

        The score is the mean over all reviews, each judged by the weights before its batch. The
        loss counts the classes' weights, as Keras' does; scores of :meth:`evaluate` do not.
        """
        ...

    def evaluate(self, split: Split) -> Score:
        """The score of the model as it is."""
        ...


def import_engines() -> None:
    """Import all of them, and TensorFlow with them."""
    for name in ENGINES.values():
        import_module(name.rpartition(".")[0])


def make_engine(
    model: "keras.Model",
    training: Training,
    train: Split,
    n_classes: int,
    made_of: str | None = None,
) -> Engine:
    """The engine named by ``training.engine``, ready to train on ``train``.

    Args:
        made_of: of a model of the user's own, what tells it from others that Keras writes down
            alike; None for those of ``build_model``. Where ``xla`` would not find the numbers of
            stock Keras for it, that takes over.
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
    """What ``training.class_weight`` asks for; None where all texts count alike.

    ``balanced`` gives each class the same sum: ``reviews / (n_classes * reviews of the class)``
    (King and Zeng 2001, "Logistic Regression in Rare Events Data"), as scikit-learn has it.
    """
    if training.class_weight is None:
        return None
    counts = np.bincount(train.labels, minlength=n_classes)
    return (len(train) / (n_classes * np.maximum(counts, 1))).astype(np.float32)


def macro_f1(right: NDArray[Any], answered: NDArray[Any], actual: NDArray[Any]) -> float:
    """The mean of the classes' F1, each ``2 right / (answered + actual)``; classes that are
    neither answered nor there are left out, as in scikit-learn.

    Args:
        right: [n_classes], how often each class was answered rightly.
        answered: [n_classes], how often at all.
        actual: [n_classes], how many texts are of it.
    """
    met = answered + actual > 0
    return float(np.mean(2 * right[met] / (answered + actual)[met]))
