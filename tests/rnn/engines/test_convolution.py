"""Tests convolutions in the fast clone of a model."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

from tests.rnn.engines.test_fast_clone import tokens

pytestmark = pytest.mark.usefixtures("tensorflow")


def convolved(*makes: Callable[..., Any]) -> Any:
    """Return a network of these layers over sequences of seven tokens."""
    import keras

    keras.utils.set_random_seed(1)
    inputs = keras.Input((7,), dtype="int32")
    x = keras.layers.Embedding(30, 5)(inputs)
    for make in makes:
        x = make(3)(x)
    return keras.Model(inputs, keras.layers.Flatten()(x))


@pytest.mark.parametrize("padding", ["valid", "same", "causal"])
@pytest.mark.parametrize("width", [1, 4])
def test_a_convolution_is_a_product_over_windows(padding: str, width: int) -> None:
    from keras import layers

    from besom.rnn.engines.fast_clone import Conv1D, fast_clone_of

    first = partial(layers.Conv1D, kernel_size=width, padding=padding, activation="tanh")
    second = partial(layers.Conv1D, kernel_size=2, padding=padding, use_bias=False)
    model = convolved(partial(first, bias_initializer="uniform"), second)
    fast = fast_clone_of(model)
    assert sum(type(layer) is Conv1D for layer in fast.layers) == 2
    assert [*map(id, fast.trainable_variables)] == [*map(id, model.trainable_variables)]
    np.testing.assert_allclose(fast(tokens()), model(tokens()), rtol=1e-5, atol=1e-7)


def test_other_convolutions_stay_stock_and_are_left_to_stock_keras() -> None:
    from keras import layers

    from besom.rnn.engines.fast_clone import Conv1D, fast_clone_of
    from besom.rnn.engines.suited import unsuited

    model = convolved(
        partial(layers.Conv1D, kernel_size=2, strides=2),
        partial(layers.Conv1D, kernel_size=2, dilation_rate=2),
    )
    assert not any(type(layer) is Conv1D for layer in fast_clone_of(model).layers)
    assert unsuited(model) == "XLA is slow at its convolutions"
