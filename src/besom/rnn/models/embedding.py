"""Embeds words, with dropout of whole words."""

from typing import TYPE_CHECKING

from besom.rnn.config import ConvolutionModel, RecurrentModel

if TYPE_CHECKING:
    import keras


def embed(
    model: RecurrentModel | ConvolutionModel, tokens: "keras.KerasTensor", vocab_size: int
) -> "keras.KerasTensor":
    """Return embedded tokens, float32 [n, max_length, embedding_dim]. In training some whole words
    are dropped.

    Sources: Iyyer et al. 2015, "Deep Unordered Composition Rivals Syntactic Methods for Text
    Classification"; Gal and Ghahramani 2016, "A Theoretically Grounded Application of Dropout in
    Recurrent Neural Networks", for recurrent networks. The other words are scaled up, as Keras'
    dropout does.
    """
    from keras import layers

    x = layers.Embedding(vocab_size, model.embedding_dim, name="embedding")(tokens)
    if not model.embedding_dropout:
        return x
    shape = (None, tokens.shape[1], 1)  # one draw for each word
    return layers.Dropout(model.embedding_dropout, noise_shape=shape, name="embedding_dropout")(x)
