"""The networks: embedding, one recurrent layer, dropout, one sigmoid unit."""

from collections.abc import Callable

import keras
from keras import layers

from besom.rnn.config import Model

RECURRENT: dict[str, Callable[[int], layers.Layer]] = {
    "simple_rnn": lambda units: layers.SimpleRNN(units, name="simple_rnn"),
    "gru": lambda units: layers.GRU(units, name="gru"),
    "lstm": lambda units: layers.LSTM(units, name="lstm"),
    "bidirectional": lambda units: layers.Bidirectional(layers.LSTM(units), name="bidirectional"),
}


def reset(seed: int) -> None:
    """Forget earlier models, then seed Python, NumPy and Keras. In this order: forgetting a
    session forgets Keras' seed too.
    """
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)


def build_model(model: Model, vocab_size: int, max_length: int) -> keras.Model:
    """An untrained classifier of reviews.

    It takes tokens, int32 [n, max_length], and gives the probability of praise, float32 [n, 1].
    Padding is not masked: with padding at the front it does no harm, and masks cost time.
    """
    tokens = keras.Input((max_length,), dtype="int32", name="tokens")
    x = layers.Embedding(vocab_size, model.embedding_dim, name="embedding")(tokens)
    x = RECURRENT[model.name](model.units)(x)
    if model.dropout:
        x = layers.Dropout(model.dropout, name="dropout")(x)
    praise = layers.Dense(1, activation="sigmoid", name="praise")(x)
    return keras.Model(tokens, praise, name="sentiment")
