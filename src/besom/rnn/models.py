"""The networks: embedding, one recurrent layer, dropout, and an output for the classes."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from besom.rnn.config import Model

if TYPE_CHECKING:
    import keras

MODELS: dict[str, Callable[[Any, int], Any]] = {
    "simple_rnn": lambda layers, units: layers.SimpleRNN(units, name="simple_rnn"),
    "gru": lambda layers, units: layers.GRU(units, name="gru"),
    "lstm": lambda layers, units: layers.LSTM(units, name="lstm"),
    "bidirectional": lambda layers, units: layers.Bidirectional(
        layers.LSTM(units), name="bidirectional"
    ),
}
"""The recurrent layer for each ``model.name``, made of ``keras.layers`` and its units."""


def reset(seed: int) -> None:
    """Forget earlier models, then seed Python, NumPy and Keras. In this order: forgetting a
    session forgets Keras' seed too.
    """
    import keras

    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)


def build_model(model: Model, vocab_size: int, max_length: int, n_classes: int) -> "keras.Model":
    """An untrained classifier of texts.

    It takes tokens, int32 [n, max_length]. Of two classes it gives the probability of the second,
    float32 [n, 1], from a sigmoid; of more those of all, float32 [n, n_classes], from a softmax.
    Padding is not masked: with padding at the front it does no harm, and masks cost time.
    """
    import keras
    from keras import layers

    tokens = keras.Input((max_length,), dtype="int32", name="tokens")
    x = layers.Embedding(vocab_size, model.embedding_dim, name="embedding")(tokens)
    x = MODELS[model.name](layers, model.units)(x)
    if model.dropout:
        x = layers.Dropout(model.dropout, name="dropout")(x)
    if n_classes == 2:
        output = layers.Dense(1, activation="sigmoid", name="probability")(x)
    else:
        output = layers.Dense(n_classes, activation="softmax", name="probabilities")(x)
    return keras.Model(tokens, output, name="classifier")
