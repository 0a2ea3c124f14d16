"""A network of one's own for ``besom train``, as docs/how-to/own-model.md explains."""

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable(package="my_models")
class AttentionPooling(layers.Layer):
    """The mean over time, in which each word has the weight that a learned vector gives it."""

    def build(self, shape):
        self.query = self.add_weight(shape=(shape[-1], 1), name="query")

    def call(self, x):
        return ops.sum(x * ops.softmax(ops.matmul(x, self.query), axis=1), axis=1)


def build(config, vocab_size, n_classes):
    """Tokens, int32 [n, max_length], to probabilities: [n, 1] of two classes, [n, n_classes] of
    more."""
    tokens = keras.Input((config.data.max_length,), dtype="int32")
    x = layers.Embedding(vocab_size, config.model.embedding_dim)(tokens)
    x = layers.Conv1D(config.model.filters, config.model.width, padding="same")(x)
    x = AttentionPooling()(x)
    if n_classes == 2:
        answer = layers.Dense(1, activation="sigmoid")(x)
    else:
        answer = layers.Dense(n_classes, activation="softmax")(x)
    return keras.Model(tokens, answer)
