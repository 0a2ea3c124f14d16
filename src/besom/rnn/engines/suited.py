"""Decides whether the XLA engine can train a model to the same numbers as stock Keras.

It computes the loss by itself, and fills up the last batch. So what Keras would add to the loss,
variables that a layer changes by itself, and texts that see each other are left to stock Keras;
and so is what XLA cannot compile, or is slow at.
"""

from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.python.eager.polymorphic_function import compiler_ir

from besom.rnn.engines.fast_clone import fast_clone_of


def unsuited(model: keras.Model) -> str | None:
    """What of a model the XLA engine cannot train alike; None where it can.

    The model is called, but stays as it is: assignments go to a scope, those of random generators
    among them.
    """
    if any(getattr(weight, "regularizer", None) for weight in model.trainable_variables):
        return "it has a regularizer"
    rows = np.random.default_rng(0).integers(1, 4, (3, *model.input_shape[1:]), np.int32)
    found, changed, losses = _called(model, rows[:2])
    if losses:
        return "a layer adds a loss"
    if changed:
        return f"{changed[0].rpartition('/')[0]} has variables that change in training"
    if not np.allclose(found[0], _called(model, rows[[0, 2]])[0][0], rtol=1e-4, atol=1e-6):
        return "a layer mixes the texts of a batch"
    return _not_compiled(model)


def _called(
    model: keras.Model, rows: NDArray[np.int32]
) -> tuple[NDArray[np.float32], list[str], list[Any]]:
    """The answers in training, the weights that were assigned to, and losses of layers."""
    with keras.StatelessScope(collect_losses=True) as scope:
        found = model(tf.constant(rows), training=True)
    weights = model.non_trainable_weights
    changed = [one.path for one in weights if scope.get_current_value(one) is not None]
    return found.numpy(), changed, [*scope.losses]


def _not_compiled(model: keras.Model) -> str | None:
    rows = tf.TensorSpec([2, *model.input_shape[1:]], tf.int32)
    try:
        fast = fast_clone_of(model)
        call = tf.function(partial(fast, training=True), jit_compile=True, autograph=False)
        program = compiler_ir.from_concrete_function(call.get_concrete_function(rows))(stage="hlo")
    except Exception as error:  # TensorFlow's, or of a layer that does not work in a graph
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        return f"XLA cannot compile it ({reason[:200]})"
    return "XLA is slow at its convolutions" if " convolution(" in program else None
