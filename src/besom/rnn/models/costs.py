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
"""The metrics of :func:`costs`. They are left out when a repeated training is compared: a time
differs in each training, and the others follow from the configuration."""

BATCH = 32
WARM_UP, MEASURED = 2, 7
"""The number of calls before the measurement, and in it."""


def costs(model: "keras.Model", tokens: NDArray[np.int32], *, is_own: bool) -> dict[str, float]:
    """Measure size and speed of a model, by stock Keras, whichever engine has trained it.

    Args:
        tokens: int32 [reviews, max_length], at least one review; the first ones are predicted.
        is_own: the model is the user's own, so that its saved configuration may not describe all
            of it.

    Returns:
        ``n_parameters``; ``model_bytes``, the bytes of the parameters in memory and in a file;
        ``predict_ms``, the median milliseconds of a prediction for a batch of 32.
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
    """Measure the time of a prediction, after calls that fill the caches."""
    import tensorflow as tf

    answer, tokens = _answer(model, batch.shape, is_own), tf.constant(batch)
    for _ in range(WARM_UP):
        answer(tokens).numpy()
    return median(_milliseconds(lambda: answer(tokens).numpy()) for _ in range(MEASURED))


def _answer(
    model: "keras.Model", shape: tuple[int, ...], is_own: bool
) -> Callable[["tf.Tensor"], "tf.Tensor"]:
    """Return the model as a program of stock TensorFlow: tokens of this shape -> its outputs."""
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
