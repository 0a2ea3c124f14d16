"""A second form of a model, over the same variables, that compiles to less work.

:class:`SimpleRNN` is Keras' own with its arithmetic in another order: the same numbers from fewer,
larger steps. What changes, and alters results by rounding only:

- the input projection of all time steps is one matrix product before the loop over time, as in
  Appleyard et al. 2016, "Optimizing Performance of Recurrent Neural Networks on GPUs";
- the gradients of both kernels are one batched product each after the loop, not sums inside it;
- only the states are kept for the way back: the derivative of tanh is ``1 - state ** 2``.

:class:`Conv1D` is one matrix product over the windows of all sequences. XLA has no fast convolution
for processors: an epoch with its own takes many times as long as stock Keras'.

:class:`besom.rnn.engines.dropout.Dropout` has the same masks from a thirtieth of the work.
"""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf
from keras import layers

from besom.rnn.engines.dropout import Dropout


def fast_clone_of(model: keras.Model) -> keras.Model:
    """The same function of the same variables. The model itself, which is saved, stays stock."""
    call = _call if any(map(_is_recurrent, model.layers)) else None
    return keras.models.clone_model(model, clone_function=_fast, call_function=call)


def _is_recurrent(layer: layers.Layer) -> bool:
    return isinstance(layer, layers.RNN | layers.Bidirectional)


def _fast(layer: layers.Layer) -> layers.Layer:
    if type(layer) is layers.SimpleRNN:
        fast = SimpleRNN.from_config(layer.get_config())
        fast.cell = layer.cell
        return fast
    if type(layer) is layers.Dropout and layer.rate:
        fast = Dropout.from_config(layer.get_config() | {"seed": 0})  # without a draw of its own
        fast.seed_generator.state = layer.seed_generator.state
        return fast
    if type(layer) is layers.Conv1D and is_plain_convolution(layer):
        fast = Conv1D.from_config(layer.get_config())
        fast._kernel, fast.bias, fast.built = layer._kernel, layer.bias, True
        return fast
    return layer


def _call(layer: layers.Layer, *inputs: Any, **settings: Any) -> Any:
    """Call a layer; an embedding finds its tokens in the order of time.

    A recurrent layer puts time first. Of that, two transpositions are left that cancel, and no
    copy of the embedded batch.
    """
    is_sequence = type(layer) is layers.Embedding and len(inputs[0].shape) == 2
    if not is_sequence or layer.mask_zero:
        return layer(*inputs, **settings)
    (tokens,) = inputs
    return keras.ops.transpose(layer(keras.ops.transpose(tokens)), (1, 0, 2))


Gradients = tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]


class SimpleRNN(keras.layers.SimpleRNN):  # type: ignore[misc]  # Keras has no types
    """A drop-in for :class:`keras.layers.SimpleRNN`: same arguments, weights, configuration.

    What :func:`is_plain` rules out, masks and initial states are left to the stock computation. A
    model with this layer is saved under the stock layer's name, and loads as that, without Besom.
    """

    __module__ = "keras.layers"  # what Keras writes down as the home of the class

    def call(
        self,
        sequences: tf.Tensor,
        initial_state: Any = None,
        mask: tf.Tensor | None = None,
        training: bool = False,
    ) -> Any:
        """See :meth:`keras.layers.SimpleRNN.call`."""
        if initial_state is not None or mask is not None or not is_plain(self):
            return super().call(sequences, initial_state, mask, training)
        cell = self.cell
        bias = cell.bias if cell.use_bias else tf.zeros([cell.units])
        weights = (cell.kernel, cell.recurrent_kernel, bias)
        return last_state(tf.transpose(sequences, [1, 0, 2]), *map(tf.convert_to_tensor, weights))


class Conv1D(keras.layers.Conv1D):  # type: ignore[misc]  # Keras has no types
    """A drop-in for a :class:`keras.layers.Conv1D` that :func:`is_plain_convolution`."""

    __module__ = "keras.layers"  # what Keras writes down as the home of the class

    def call(self, sequences: tf.Tensor) -> tf.Tensor:
        """See :meth:`keras.layers.Conv1D.call`."""
        (width,) = self.kernel_size
        before = {"valid": 0, "same": (width - 1) // 2, "causal": width - 1}[self.padding]
        after = width - 1 - before if self.padding == "same" else 0
        padded = tf.pad(sequences, [[0, 0], [before, after], [0, 0]])
        length = padded.shape[1] - width + 1
        windows = tf.concat([padded[:, at : at + length] for at in range(width)], axis=2)
        kernel = tf.reshape(tf.convert_to_tensor(self.kernel), [-1, self.filters])
        sums = _times(windows, kernel)
        return self.activation(sums + self.bias if self.use_bias else sums)


def is_plain_convolution(layer: keras.layers.Conv1D) -> bool:
    """Whether it moves by single steps over sequences of a known length."""
    steps = (*layer.strides, *layer.dilation_rate, layer.groups)
    is_known = layer.input.shape[1] is not None and layer.data_format == "channels_last"
    return set(steps) == {1} and is_known and layer.compute_dtype == "float32"


def is_plain(layer: keras.layers.SimpleRNN) -> bool:
    """Whether all that a layer is asked for is what :func:`last_state` computes."""
    other = (
        layer.go_backwards,
        layer.return_sequences,
        layer.return_state,
        layer.stateful,
        layer.unroll,
        layer.dropout,
        layer.recurrent_dropout,
    )
    is_tanh = layer.activation is keras.activations.tanh
    return is_tanh and layer.compute_dtype == "float32" and not any(other)


@tf.custom_gradient
def last_state(
    sequence: tf.Tensor, kernel: tf.Tensor, recurrent_kernel: tf.Tensor, bias: tf.Tensor
) -> tuple[tf.Tensor, Callable[[tf.Tensor], Gradients]]:
    """The last of ``h[t] = tanh(sequence[t] @ kernel + h[t - 1] @ recurrent_kernel + bias)``.

    Args:
        sequence: float32 [time, batch, width], at least one step.
        kernel: float32 [width, units].
        recurrent_kernel: float32 [units, units].
        bias: float32 [units].

    Returns:
        float32 [batch, units]. The state before the first step is zero.
    """
    last, before = _states(_times(sequence, kernel), recurrent_kernel, bias)

    def gradients(of_last: tf.Tensor) -> Gradients:
        of_sums = _gradients_of_sums(of_last, last, before, recurrent_kernel)
        return (
            _times(of_sums, tf.transpose(kernel)),
            _gradient_of_kernel(sequence, of_sums),
            _gradient_of_kernel(before, of_sums),
            tf.reduce_sum(of_sums, axis=[0, 1]),
        )

    return last, gradients


def _states(
    projected: tf.Tensor, recurrent_kernel: tf.Tensor, bias: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """The last state, and the state before every step: float32 [time, batch, units]."""
    steps = tf.shape(projected)[0]

    def step(
        time: tf.Tensor, state: tf.Tensor, before: tf.TensorArray
    ) -> tuple[tf.Tensor, tf.Tensor, tf.TensorArray]:
        sums = projected[time] + tf.matmul(state, recurrent_kernel) + bias
        return time + 1, tf.tanh(sums), before.write(time, state)

    start = (tf.constant(0), tf.zeros_like(projected[0]), _array_like(projected))
    _, last, before = tf.while_loop(lambda time, *_: time < steps, step, start)
    return last, before.stack()


def _gradients_of_sums(
    of_last: tf.Tensor, last: tf.Tensor, before: tf.Tensor, recurrent_kernel: tf.Tensor
) -> tf.Tensor:
    """Gradients of what goes into each tanh: float32 [time, batch, units].

    From the last step, which stands before the loop, to the first. ``before[t + 1]`` is the state
    after step t: read where it lies, it is not copied into the loop's state.
    """
    steps = tf.shape(before)[0]

    def step(
        time: tf.Tensor, later: tf.Tensor, found: tf.TensorArray
    ) -> tuple[tf.Tensor, tf.Tensor, tf.TensorArray]:
        of_state = tf.matmul(later, recurrent_kernel, transpose_b=True)
        of_sums = of_state * (1 - before[time + 1] ** 2)
        return time - 1, of_sums, found.write(time, of_sums)

    of_sums = of_last * (1 - last**2)
    start = (steps - 2, of_sums, _array_like(before).write(steps - 1, of_sums))
    return tf.while_loop(lambda time, *_: time >= 0, step, start)[2].stack()


def _gradient_of_kernel(inputs: tf.Tensor, of_sums: tf.Tensor) -> tf.Tensor:
    """A product for each step, then their sum: faster than one product over all rows."""
    return tf.reduce_sum(tf.matmul(inputs, of_sums, transpose_a=True), axis=0)


def _times(sequence: tf.Tensor, matrix: tf.Tensor) -> tf.Tensor:
    """Every row of every step times the matrix, in one product."""
    steps, size, width = tf.unstack(tf.shape(sequence))
    flat = tf.matmul(tf.reshape(sequence, [steps * size, width]), matrix)
    return tf.reshape(flat, [steps, size, matrix.shape[1]])


def _array_like(tensor: tf.Tensor) -> tf.TensorArray:
    return tf.TensorArray(tensor.dtype, tf.shape(tensor)[0], element_shape=tensor.shape[1:])
