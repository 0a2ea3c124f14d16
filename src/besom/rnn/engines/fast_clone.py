"""A second form of a model, over the same variables, that compiles to less work."""

from typing import Any

import keras
from keras import layers

from besom.rnn.engines.fused_rnn import SimpleRNN


def twin_of(model: keras.Model) -> keras.Model:
    """The same function of the same variables. The model itself, which is saved, stays stock."""
    return keras.models.clone_model(model, clone_function=_fast, call_function=_call)


def _fast(layer: layers.Layer) -> layers.Layer:
    if type(layer) is not layers.SimpleRNN:
        return layer
    fast = SimpleRNN.from_config(layer.get_config())
    fast.cell = layer.cell
    return fast


def _call(layer: layers.Layer, *inputs: Any, **settings: Any) -> Any:
    """Call a layer; an embedding finds its tokens in the order of time.

    A recurrent layer puts time first. Of that, two transpositions are left that cancel, and no
    copy of the embedded batch.
    """
    if type(layer) is not layers.Embedding or layer.mask_zero:
        return layer(*inputs, **settings)
    (tokens,) = inputs
    return keras.ops.transpose(layer(keras.ops.transpose(tokens)), (1, 0, 2))
