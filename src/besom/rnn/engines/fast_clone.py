"""Clones a model, over the same variables, into a form that compiles to a faster program.

:mod:`besom.rnn.engines.recurrent` replaces SimpleRNN: it moves products out of the loop over time.

:class:`Conv1D` is one matrix product over the windows of all sequences. XLA has no fast convolution
for CPUs: with XLA's own, an epoch takes many times as long as with stock Keras.

:class:`besom.rnn.engines.dropout.Dropout` makes the same masks with a thirtieth of the work.
"""

from typing import Any

import keras
import tensorflow as tf
from keras import layers

from besom.rnn.engines.dropout import Dropout
from besom.rnn.engines.recurrent import fast_recurrent, times


def fast_clone_of(model: keras.Model) -> keras.Model:
    """Return a fast model with the same variables. The given one, which is saved, stays stock."""
    call = _call if any(map(_is_recurrent, model.layers)) else None
    return keras.models.clone_model(model, clone_function=_fast, call_function=call)


def _is_recurrent(layer: layers.Layer) -> bool:
    return isinstance(layer, layers.RNN | layers.Bidirectional)


def _fast(layer: layers.Layer) -> layers.Layer:
    if recurrent := fast_recurrent(layer):
        return recurrent
    if type(layer) is layers.Dropout and layer.rate:
        fast = Dropout.from_config(layer.get_config() | {"seed": 0})  # draws no seed
        fast.seed_generator.state = layer.seed_generator.state
        return fast
    if type(layer) is layers.Conv1D and is_plain_convolution(layer):
        fast = Conv1D.from_config(layer.get_config())
        fast._kernel, fast.bias, fast.built = layer._kernel, layer.bias, True
        return fast
    return layer


def _call(layer: layers.Layer, *inputs: Any, **settings: Any) -> Any:
    """Call a layer; an embedding gets its tokens with time as the first axis.

    A recurrent layer moves time to the first axis. This transposition then cancels with the one
    here, and the embedded batch is not copied.
    """
    is_sequence = type(layer) is layers.Embedding and len(inputs[0].shape) == 2
    if not is_sequence or layer.mask_zero:
        return layer(*inputs, **settings)
    (tokens,) = inputs
    return keras.ops.transpose(layer(keras.ops.transpose(tokens)), (1, 0, 2))


class Conv1D(keras.layers.Conv1D):  # type: ignore[misc]  # Keras has no types
    """A drop-in for a :class:`keras.layers.Conv1D` that :func:`is_plain_convolution` accepts."""

    __module__ = "keras.layers"  # the module that Keras saves for the class

    def call(self, sequences: tf.Tensor) -> tf.Tensor:
        """See :meth:`keras.layers.Conv1D.call`."""
        (width,) = self.kernel_size
        before = {"valid": 0, "same": (width - 1) // 2, "causal": width - 1}[self.padding]
        after = width - 1 - before if self.padding == "same" else 0
        padded = tf.pad(sequences, [[0, 0], [before, after], [0, 0]])
        length = padded.shape[1] - width + 1
        windows = tf.concat([padded[:, at : at + length] for at in range(width)], axis=2)
        kernel = tf.reshape(tf.convert_to_tensor(self.kernel), [-1, self.filters])
        sums = times(windows, kernel)
        return self.activation(sums + self.bias if self.use_bias else sums)


def is_plain_convolution(layer: keras.layers.Conv1D) -> bool:
    """Return whether a layer moves in single steps over sequences of a known length."""
    steps = (*layer.strides, *layer.dilation_rate, layer.groups)
    is_known = layer.input.shape[1] is not None and layer.data_format == "channels_last"
    return set(steps) == {1} and is_known and layer.compute_dtype == "float32"
