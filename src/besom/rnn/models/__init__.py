"""Builds networks: an embedding, each network's own layers, dropout, an output for the classes.

``MODELS`` lists the networks that come with Besom; :mod:`besom.rnn.models.own` builds one of the
user's own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from besom.rnn.config import ConvolutionModel, FastTextModel, Model, RecurrentModel
from besom.rnn.models import convolution, fasttext, recurrent
from besom.rnn.models.own import build_own

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Network:
    """A network that comes with Besom.

    Attributes:
        schema: the schema of its keys.
        features: given the model's configuration, tokens, int32 [n, max_length], and the size of
            the vocabulary, returns the input of the output layer, float32 [n, width].
    """

    schema: type[Model]
    features: Callable[[Any, Any, int], Any]


MODELS = {
    "simple_rnn": Network(RecurrentModel, recurrent.features),
    "gru": Network(RecurrentModel, recurrent.features),
    "lstm": Network(RecurrentModel, recurrent.features),
    "bidirectional": Network(RecurrentModel, recurrent.features),
    "bidirectional_gru": Network(RecurrentModel, recurrent.features),
    "bidirectional_simple_rnn": Network(RecurrentModel, recurrent.features),
    "convolution": Network(ConvolutionModel, convolution.features),
    "fasttext": Network(FastTextModel, fasttext.features),
}
"""The network for each ``model.name``."""


def reset(seed: int) -> None:
    """Forget earlier models, then seed Python, NumPy and Keras. The order matters: clearing a
    session also clears Keras' seed.
    """
    import keras

    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)


def schema_of(model: Any) -> type[Model]:
    """Return the schema of a configuration's network; the base schema for an unknown name or for a
    network of the user's own, which may have any other keys."""
    if model.get("build") is None and model.get("name") in MODELS:
        return MODELS[model.name].schema
    return Model


def make_model(config: DictConfig, n_classes: int) -> "keras.Model":
    """Build the network of a whole configuration, see :func:`build_model`.

    Raises:
        ConfigError: see :func:`besom.rnn.models.own.build_own`.
    """
    if config.model.get("build") is not None:
        return build_own(config, n_classes)
    return build_model(config.model, config.data.vocab_size, config.data.max_length, n_classes)


def build_model(
    model: RecurrentModel | ConvolutionModel | FastTextModel,
    vocab_size: int,
    max_length: int,
    n_classes: int,
) -> "keras.Model":
    """Build an untrained classifier of texts.

    Its input is tokens, int32 [n, max_length]. For two classes it outputs the probability of the
    second, float32 [n, 1], from a sigmoid; for more the probability of each, float32
    [n, n_classes], from a softmax. Recurrent networks read padding like words: at the front it
    does no harm, and masks cost time. Pooling leaves padding out.
    """
    import keras
    from keras import layers

    tokens = keras.Input((max_length,), dtype="int32", name="tokens")
    x = MODELS[model.name].features(model, tokens, vocab_size)
    if model.dropout:
        x = layers.Dropout(model.dropout, name="dropout")(x)
    if n_classes == 2:
        output = layers.Dense(1, activation="sigmoid", name="probability")(x)
    else:
        output = layers.Dense(n_classes, activation="softmax", name="probabilities")(x)
    return keras.Model(tokens, output, name="classifier")
