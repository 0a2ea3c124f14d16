"""Implements Keras' SimpleRNN with its arithmetic reordered: the same results from less work.

:class:`SimpleRNN` is a drop-in for the layer of that name, alone or in both directions. These
changes alter results by rounding only:

- the input projection of all time steps is one matrix product before the loop over time, as in
  Appleyard et al. 2016, "Optimizing Performance of Recurrent Neural Networks on GPUs";
- the gradients of both kernels are one batched product each after the loop, not sums inside it;
- only the states are kept for the backward pass: the derivative of tanh is ``1 - state ** 2``.

GRU and LSTM stay Keras' own: see docs/decisions/021-recurrent-kernels.md.
"""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf
from keras import layers

Gradients = tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]


def fast_recurrent(layer: layers.Layer) -> layers.Layer | None:
    """Return the drop-in for a SimpleRNN, alone or in both directions, with the same variables;
    None for any other layer."""
    if type(layer) is layers.Bidirectional and layer.merge_mode == "concat":
        forward, backward = map(fast_recurrent, (layer.forward_layer, layer.backward_layer))
        if forward is None or backward is None or layer.return_state:
            return None
        return BothDirections(layer, forward, backward)
    if type(layer) is not layers.SimpleRNN:
        return None
    fast = SimpleRNN.from_config(layer.get_config())
    fast.cell, fast.zero_output_for_mask = layer.cell, layer.zero_output_for_mask
    return fast


class SimpleRNN(layers.SimpleRNN):  # type: ignore[misc]  # Keras has no types
    """A drop-in for :class:`keras.layers.SimpleRNN`: same arguments, weights, configuration.

    The stock layer computes what :func:`is_plain` excludes, masks and initial states. A model with
    this layer is saved with the stock layer's name, and loads as the stock layer, without Besom.
    """

    __module__ = "keras.layers"  # the module that Keras saves for the class

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
        weights = map(tf.convert_to_tensor, (cell.kernel, cell.recurrent_kernel, bias))
        how = {name: getattr(self, name) for name in ("go_backwards", "return_sequences")}
        found = states(tf.transpose(sequences, [1, 0, 2]), *weights, **how)
        if not self.return_sequences:
            return found
        found = tf.transpose(found, [1, 0, 2])
        return tf.reverse(found, [1]) if self.go_backwards else found  # order of computation


class BothDirections(layers.Layer):  # type: ignore[misc]  # Keras has no types
    """A drop-in for a :class:`keras.layers.Bidirectional` that concatenates two :class:`SimpleRNN`;
    calls take the same arguments."""

    def __init__(self, stock: layers.Bidirectional, forward: SimpleRNN, backward: SimpleRNN):
        super().__init__(name=stock.name, dtype=stock.dtype_policy)
        self.forward, self.backward = forward, backward
        self.supports_masking = True

    def call(
        self,
        sequences: tf.Tensor,
        initial_state: Any = None,
        mask: tf.Tensor | None = None,
        training: bool = False,
    ) -> tf.Tensor:
        """See :meth:`keras.layers.Bidirectional.call`."""
        first, second = (None, None) if initial_state is None else initial_state
        forward = self.forward(sequences, first, mask=mask, training=training)
        backward = self.backward(sequences, second, mask=mask, training=training)
        if self.backward.return_sequences:
            backward = tf.reverse(backward, [1])
        return tf.concat([forward, backward], axis=-1)

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """Return the mask of the steps, if there is an output for each step."""
        return previous_mask if self.forward.return_sequences else None


def is_plain(layer: layers.SimpleRNN) -> bool:
    """Return whether :func:`states` computes everything that a layer is configured to do."""
    other = (
        layer.return_state,
        layer.stateful,
        layer.unroll,
        layer.dropout,
        layer.recurrent_dropout,
    )
    is_tanh = layer.activation is keras.activations.tanh
    return is_tanh and layer.compute_dtype == "float32" and not any(other)


def states(
    sequence: tf.Tensor,
    kernel: tf.Tensor,
    recurrent_kernel: tf.Tensor,
    bias: tf.Tensor,
    *,
    go_backwards: bool = False,
    return_sequences: bool = False,
) -> tf.Tensor:
    """Return the last ``h[t] = tanh(sequence[t] @ kernel + h[t - 1] @ recurrent_kernel + bias)``.

    Args:
        sequence: float32 [time, batch, width], at least one step.
        kernel: float32 [width, units].
        recurrent_kernel: float32 [units, units].
        bias: float32 [units].
        go_backwards: go from the last step to the first: ``h[t + 1]`` instead of ``h[t - 1]``.
        return_sequences: return all states instead, each at the index of its step.

    Returns:
        float32 [batch, units], or [time, batch, units]. The state before the first step is zero.
    """

    @tf.custom_gradient
    def compute(
        sequence: tf.Tensor, kernel: tf.Tensor, recurrent_kernel: tf.Tensor, bias: tf.Tensor
    ) -> tuple[tf.Tensor, Callable[[tf.Tensor], Gradients]]:
        projected = times(sequence, kernel)
        last, before = _forward(projected, recurrent_kernel, bias, go_backwards)

        def gradients(of_states: tf.Tensor) -> Gradients:
            of_sums = _back(of_states, last, before, recurrent_kernel, go_backwards)
            return (
                times(of_sums, tf.transpose(kernel)),
                _gradient_of_kernel(sequence, of_sums),
                _gradient_of_kernel(before, of_sums),
                tf.reduce_sum(of_sums, axis=[0, 1]),
            )

        if not return_sequences:
            return last, gradients
        after = [last[None], before[:-1]] if go_backwards else [before[1:], last[None]]
        return tf.ensure_shape(tf.concat(after, axis=0), [sequence.shape[0], None, None]), gradients

    return compute(sequence, kernel, recurrent_kernel, bias)


def _forward(
    projected: tf.Tensor, recurrent_kernel: tf.Tensor, bias: tf.Tensor, go_backwards: bool
) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the last state, and the state before every step: float32 [time, batch, units]."""
    steps = tf.shape(projected)[0]

    def step(
        done: tf.Tensor, state: tf.Tensor, before: tf.TensorArray
    ) -> tuple[tf.Tensor, tf.Tensor, tf.TensorArray]:
        time = steps - 1 - done if go_backwards else done
        sums = projected[time] + tf.matmul(state, recurrent_kernel) + bias
        return done + 1, tf.tanh(sums), before.write(time, state)

    start = (tf.constant(0), tf.zeros_like(projected[0]), _array_like(projected))
    _, last, before = tf.while_loop(lambda done, *_: done < steps, step, start)
    return last, before.stack()


def _back(
    of_states: tf.Tensor,
    last: tf.Tensor,
    before: tf.Tensor,
    recurrent_kernel: tf.Tensor,
    go_backwards: bool,
) -> tf.Tensor:
    """Return the gradients of the input of each tanh, from those of the last state or of all:
    float32 [time, batch, units].

    The loop runs against the order of the steps; the last step comes before the loop. The state
    after a step is the one before the next: it is read there, not copied into the loop's state.
    """
    steps = tf.shape(before)[0]
    of_all = of_states if len(of_states.shape) == 3 else None

    def step(
        left: tf.Tensor, later: tf.Tensor, found: tf.TensorArray
    ) -> tuple[tf.Tensor, tf.Tensor, tf.TensorArray]:
        time, following = (steps - 1 - left, steps - 2 - left) if go_backwards else (left, left + 1)
        of_state = tf.matmul(later, recurrent_kernel, transpose_b=True)
        if of_all is not None:
            of_state += of_all[time]
        of_sums = of_state * (1 - before[following] ** 2)
        return left - 1, of_sums, found.write(time, of_sums)

    end = 0 if go_backwards else steps - 1
    of_sums = (of_states if of_all is None else of_all[end]) * (1 - last**2)
    start = (steps - 2, of_sums, _array_like(before).write(end, of_sums))
    return tf.while_loop(lambda left, *_: left >= 0, step, start)[2].stack()


def _gradient_of_kernel(inputs: tf.Tensor, of_sums: tf.Tensor) -> tf.Tensor:
    """Sum a product for each step, which is faster than one product over all rows."""
    return tf.reduce_sum(tf.matmul(inputs, of_sums, transpose_a=True), axis=0)


def times(sequence: tf.Tensor, matrix: tf.Tensor) -> tf.Tensor:
    """Multiply every row of every step with the matrix, in one product."""
    steps, size, width = tf.unstack(tf.shape(sequence))
    flat = tf.matmul(tf.reshape(sequence, [steps * size, width]), matrix)
    return tf.reshape(flat, [steps, size, matrix.shape[1]])


def _array_like(tensor: tf.Tensor) -> tf.TensorArray:
    return tf.TensorArray(tensor.dtype, tf.shape(tensor)[0], element_shape=tensor.shape[1:])
