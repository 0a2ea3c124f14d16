"""Measures what a trained network costs in use: its size, and the time of a prediction."""

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
    import tensorflow as tf

COSTS = ("n_parameters", "model_bytes", "predict_ms")
"""The metrics of :func:`costs`. They are no part of what a repeated training is compared by: a time
is another in each, and the others follow from the configuration."""

BATCH = 32
WARM_UP, MEASURED = 2, 7
"""Calls."""


def costs(model: "keras.Model", tokens: NDArray[np.int32], *, is_own: bool) -> dict[str, float]:
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

    answer, tokens = _answer(model, batch.shape, is_own), tf.constant(batch)
    for _ in range(WARM_UP):
        answer(tokens).numpy()
    return median(_milliseconds(lambda: answer(tokens).numpy()) for _ in range(MEASURED))


def _answer(
    model: "keras.Model", shape: tuple[int, ...], is_own: bool
) -> Callable[["tf.Tensor"], "tf.Tensor"]:
    """The model as a program, tokens of this shape -> its answers, stock TensorFlow's."""
    import tensorflow as tf

    from besom.rnn.engines.compiled import traced

    def trace() -> Any:
        function = tf.function(lambda tokens: model(tokens, training=False), autograph=False)
        return function.get_concrete_function(tf.TensorSpec(shape, tf.int32))

    if is_own:
        return trace()
    return traced(json.dumps(["answer", model.to_json(), shape]), trace, model.variables)


def _milliseconds(call: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    call()
    return 1000 * (time.perf_counter() - begun)
