"""Builds networks with one recurrent layer. Their sources are in ``conf/model/*.yaml``."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from besom.rnn.config import RecurrentModel
from besom.rnn.models.embedding import embed

if TYPE_CHECKING:
    import keras

LAYERS: dict[str, Callable[..., Any]] = {
    "simple_rnn": lambda layers, units, **how: layers.SimpleRNN(units, name="simple_rnn", **how),
    "gru": lambda layers, units, **how: layers.GRU(units, name="gru", **how),
    "lstm": lambda layers, units, **how: layers.LSTM(units, name="lstm", **how),
    "bidirectional": lambda layers, units, **how: layers.Bidirectional(
        layers.LSTM(units, **how), name="bidirectional"
    ),
    "bidirectional_gru": lambda layers, units, **how: layers.Bidirectional(
        layers.GRU(units, **how), name="bidirectional_gru"
    ),
    "bidirectional_simple_rnn": lambda layers, units, **how: layers.Bidirectional(
        layers.SimpleRNN(units, **how), name="bidirectional_simple_rnn"
    ),
}
"""Makes the layer for each ``model.name`` from ``keras.layers``, units and other arguments."""

POOLINGS = ("last", "max", "mean")
"""The values of ``model.pooling``; null means ``last``."""

LOWEST = -1.0
"""The lower bound of all states: these cells' states are between -1 and 1."""


def features(
    model: RecurrentModel, tokens: "keras.KerasTensor", vocab_size: int
) -> "keras.KerasTensor":
    """Return the layer's last state, or its pooled states: float32 [n, units], or [n, 2 units] for
    both directions."""
    from keras import layers

    x = embed(model, tokens, vocab_size)
    if model.pooling in (None, "last"):
        return LAYERS[model.name](layers, model.units)(x)
    states = LAYERS[model.name](layers, model.units, return_sequences=True)(x)
    return _pool(states, tokens, model.pooling)


def _pool(
    states: "keras.KerasTensor", tokens: "keras.KerasTensor", pooling: str
) -> "keras.KerasTensor":
    """Return the mean or the maximum of the states after words; padding, 0, is left out.

    A text of padding only gives zeros, or :data:`LOWEST`. Sources of the maximum: Collobert et al.
    2011, "Natural Language Processing (Almost) from Scratch"; after a recurrent layer, Lai et al.
    2015, "Recurrent Convolutional Neural Networks for Text Classification".

    Args:
        states: float32 [n, max_length, width].
    """
    from keras import ops

    is_word = ops.not_equal(tokens, 0)
    if pooling == "max":
        return ops.max(ops.where(ops.expand_dims(is_word, 2), states, LOWEST), axis=1)
    weights = ops.cast(is_word, "float32")
    total = ops.einsum("nld,nl->nd", states, weights)
    return total / ops.maximum(ops.sum(weights, axis=1, keepdims=True), 1.0)
