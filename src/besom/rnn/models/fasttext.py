"""Builds a bag of n-grams: Joulin, Grave, Bojanowski and Mikolov 2017, "Bag of Tricks for Efficient
Text Classification" (fastText).

A text is the mean of the embeddings of its words and n-grams. Each word has a row of its own; the
n-grams share the rows of a second table by their hash, since they are too many. The network uses
only Keras' own layers and operations, so that a saved model loads without Besom.
"""

from typing import TYPE_CHECKING

from besom.rnn.config import FastTextModel

if TYPE_CHECKING:
    import keras

MULTIPLIER = 116_049_371
"""The multiplier of fastText, in ``Dictionary::addWordNgrams``."""


def features(
    model: FastTextModel, tokens: "keras.KerasTensor", vocab_size: int
) -> "keras.KerasTensor":
    """Return the mean over all words and n-grams: float32 [n, embedding_dim].

    Padding, 0, is no word and not part of an n-gram; a text of padding only gives zeros. Each word
    and n-gram is dropped on its own, as in :func:`besom.rnn.models.embedding.embed`.
    """
    from keras import layers, ops

    def kept(weights: "keras.KerasTensor", n: int) -> "keras.KerasTensor":
        if not model.embedding_dropout:
            return weights
        return layers.Dropout(model.embedding_dropout, name=f"embedding_dropout_{n}")(weights)

    words = layers.Embedding(vocab_size, model.embedding_dim, name="embedding")
    is_word = ops.cast(ops.not_equal(tokens, 0), "float32")
    total, count = _sum(words(tokens), kept(is_word, 1)), ops.sum(is_word, axis=1, keepdims=True)
    if model.ngrams > 1:
        table = layers.Embedding(model.buckets, model.embedding_dim, name="ngrams")
    hashes = ops.cast(tokens, "int64")
    is_ngram = is_word
    for n in range(2, model.ngrams + 1):
        hashes = _next_hashes(hashes, tokens, n, model.buckets)
        is_ngram = is_ngram[:, :-1] * is_word[:, n - 1 :]
        total += _sum(table(ops.cast(hashes, "int32")), kept(is_ngram, n))
        count += ops.sum(is_ngram, axis=1, keepdims=True)
    return total / ops.maximum(count, 1.0)


def _sum(embedded: "keras.KerasTensor", weights: "keras.KerasTensor") -> "keras.KerasTensor":
    """Return the weighted sum over time: float32 [n, embedding_dim]."""
    from keras import ops

    return ops.einsum("nld,nl->nd", embedded, weights)


def _next_hashes(
    hashes: "keras.KerasTensor", tokens: "keras.KerasTensor", n: int, buckets: int
) -> "keras.KerasTensor":
    """Return the row of each n-gram, int64 [n, max_length - n + 1], from those of one word less.

    int64 can hold the product of a token or bucket, below 2 ** 31, and the multiplier.
    """
    from keras import ops

    last = ops.cast(tokens[:, n - 1 :], "int64")
    return ops.mod(hashes[:, :-1] * MULTIPLIER + last, buckets)
