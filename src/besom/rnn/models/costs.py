"""What a trained network costs in use: its size, and the time that an answer takes."""

import json
import math
import time
from collections.abc import Callable
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import keras

COSTS = ("n_parameters", "model_bytes", "predict_ms")
"""The metrics of :func:`costs`. They are no part of what a repeated training is compared by: a time
is another in each, and the others follow from the configuration."""

BATCH = 32
WARM_UP, MEASURED = 2, 7
"""Calls."""


def costs(
    model: "keras.Model", tokens: NDArray[np.int32], *, is_own: bool = True
) -> dict[str, float]:
    """Size and speed of a model, by stock Keras, whichever engine has trained it.

    Args:
        tokens: int32 [reviews, max_length], at least one review; the first are answered.
        is_own: it may do more than Keras writes down of it, as one of the user's own may.

    Returns:
        ``n_parameters``; ``model_bytes``, the bytes of these in memory and in a file;
        ``predict_ms``, the median milliseconds of an answer to a batch of 32.
    """
    sizes = [math.prod(weight.shape) for weight in model.weights]
    bytes_each = [np.dtype(weight.dtype).itemsize for weight in model.weights]
    batch = np.resize(tokens[:BATCH], (BATCH, *tokens.shape[1:]))
    return {
        "n_parameters": float(sum(sizes)),
        "model_bytes": float(sum(map(math.prod, zip(sizes, bytes_each, strict=True)))),
        "predict_ms": _predict_ms(model, batch, is_own),
    }


def _predict_ms(model: "keras.Model", batch: NDArray[np.int32], is_own: bool) -> float:
    """After calls that fill the caches."""
    import tensorflow as tf

    from besom.rnn.engines.compiled import Program

    def trace() -> Any:
        function = tf.function(lambda tokens: model(tokens, training=False), autograph=False)
        return function.get_concrete_function(tf.TensorSpec(batch.shape, tf.int32))

    identity = json.dumps(["answer", model.to_json(), batch.shape])
    answer = trace() if is_own else Program(identity, trace, model.variables)
    tokens = tf.constant(batch)
    for _ in range(WARM_UP):
        answer(tokens).numpy()
    return median(_milliseconds(lambda: answer(tokens).numpy()) for _ in range(MEASURED))


def _milliseconds(call: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    call()
    return 1000 * (time.perf_counter() - begun)
