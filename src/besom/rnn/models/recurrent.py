"""Networks with one recurrent layer. ``conf/model/*.yaml`` have their sources."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from besom.rnn.config import RecurrentModel

if TYPE_CHECKING:
    import keras

LAYERS: dict[str, Callable[[Any, int], Any]] = {
    "simple_rnn": lambda layers, units: layers.SimpleRNN(units, name="simple_rnn"),
    "gru": lambda layers, units: layers.GRU(units, name="gru"),
    "lstm": lambda layers, units: layers.LSTM(units, name="lstm"),
    "bidirectional": lambda layers, units: layers.Bidirectional(
        layers.LSTM(units), name="bidirectional"
    ),
    "bidirectional_gru": lambda layers, units: layers.Bidirectional(
        layers.GRU(units), name="bidirectional_gru"
    ),
}
"""The layer for each ``model.name``, made of ``keras.layers`` and its units."""


def features(
    model: RecurrentModel, tokens: "keras.KerasTensor", vocab_size: int
) -> "keras.KerasTensor":
    """The layer's last state, float32 [n, units], or [n, 2 units] for both directions."""
    from keras import layers

    x = layers.Embedding(vocab_size, model.embedding_dim, name="embedding")(tokens)
    return LAYERS[model.name](layers, model.units)(x)
