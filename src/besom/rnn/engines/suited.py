"""Decides whether the XLA engine can train a model to the same numbers as stock Keras.

The XLA engine computes the loss itself, and fills up the last batch. So stock Keras trains models
with additional losses, with variables that a layer changes itself, and with layers that mix the
texts of a batch. It also trains models that XLA cannot compile, or compiles to slow programs.
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
    """Return why the XLA engine cannot train a model like stock Keras; None where it can.

    The model is called but does not change: a scope catches its assignments, those of random
    generators included.
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
    """Return the training outputs, the weights that the call assigned, and the losses of layers."""
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
    except Exception as error:  # from TensorFlow, or from a layer that does not work in a graph
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        return f"XLA cannot compile it ({reason[:200]})"
    return "XLA is slow at its convolutions" if " convolution(" in program else None
