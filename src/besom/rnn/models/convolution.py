"""Builds a convolution over time: Kim 2014, "Convolutional Neural Networks for Sentence
Classification"."""

from typing import TYPE_CHECKING

from besom.rnn.config import ConvolutionModel
from besom.rnn.models.embedding import embed

if TYPE_CHECKING:
    import keras


def features(
    model: ConvolutionModel, tokens: "keras.KerasTensor", vocab_size: int
) -> "keras.KerasTensor":
    """Return the maximum of each filter over time: float32 [n, filters * widths].

    This is Kim's CNN-rand: embeddings trained from scratch, rectified filters of several widths.
    Each width is at most ``max_length``.
    """
    from keras import layers

    x = embed(model, tokens, vocab_size)
    maxima = []
    for width in model.kernel_sizes:
        name = f"convolution_{width}"
        convolved = layers.Conv1D(model.filters, width, activation="relu", name=name)(x)
        maxima.append(layers.GlobalMaxPooling1D(name=f"maximum_{width}")(convolved))
    return maxima[0] if len(maxima) == 1 else layers.Concatenate(name="maxima")(maxima)
