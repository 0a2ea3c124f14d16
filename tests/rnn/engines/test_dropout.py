"""Tests that Besom's Dropout makes the masks of the stock layer in a compiled program."""

import random
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.usefixtures("tensorflow")


def pair(rate: float, noise_shape: tuple[int | None, ...] | None = None) -> tuple[Any, Any]:
    """Return a stock layer and Besom's, with the same seed."""
    import keras

    from besom.rnn.engines.dropout import Dropout

    return (
        keras.layers.Dropout(rate, noise_shape, seed=7),
        Dropout(rate, noise_shape, seed=7),
    )


def compiled(layer: Any, inputs: np.ndarray, **settings: Any) -> list[np.ndarray]:
    """Return the outputs of two successive calls of the compiled layer."""
    import tensorflow as tf

    call = tf.function(lambda x: layer(x, **settings), jit_compile=True, autograph=False)
    return [call(tf.constant(inputs)).numpy() for _ in range(2)]


@pytest.mark.parametrize(
    ("shape", "noise_shape"),
    [((1, 1), None), ((5, 7, 3), None), ((6, 9, 4), (None, 9, 1)), ((3, 4), (1, None))],
    ids=str,
)
@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_the_masks_are_the_stock_layers(
    rate: float, shape: tuple[int, ...], noise_shape: tuple[int | None, ...] | None
) -> None:
    inputs = np.random.default_rng(0).normal(1, 0.1, shape).astype(np.float32)
    stock, ours = pair(rate, noise_shape)
    expected = compiled(stock, inputs, training=True)
    found = compiled(ours, inputs, training=True)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(ours.seed_generator.state, stock.seed_generator.state)
    if inputs.size > 20:
        assert (found[0] != found[1]).any() and {0.0} < set(found[0].ravel())


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_rates_at_the_ends_need_no_mask(rate: float) -> None:
    inputs = np.ones((2, 3), np.float32)
    for layer in pair(rate):
        np.testing.assert_array_equal(layer(inputs, training=True), inputs * (1 - rate))


def test_nothing_is_dropped_when_scoring_and_other_numbers_are_the_stock_computation() -> None:
    inputs = np.ones((20, 3), np.float32)
    stock, ours = pair(0.5)
    np.testing.assert_array_equal(ours(inputs, training=False), inputs)
    stock, ours = (type(layer)(0.5, seed=7, dtype="float64") for layer in (stock, ours))
    found = ours(inputs.astype(float), training=True)
    np.testing.assert_array_equal(found, stock(inputs.astype(float), training=True))
    assert found.dtype == "float64"


def test_the_clone_draws_from_the_models_own_generator_and_no_other() -> None:
    import keras

    from besom.rnn.engines.dropout import Dropout
    from besom.rnn.engines.fast_clone import fast_clone_of

    keras.utils.set_random_seed(0)
    inputs = keras.Input((30,))
    model = keras.Model(inputs, keras.layers.Dropout(0.5)(inputs))
    before, generator = random.getstate(), model.layers[1].seed_generator
    drawn = generator.state.numpy()
    fast = fast_clone_of(model)
    assert type(fast.layers[1]) is Dropout and type(model.layers[1]) is keras.layers.Dropout
    assert random.getstate() == before
    ones = np.ones((2, 30), np.float32)
    (first, _), moved = compiled(fast, ones, training=True), generator.state.numpy()
    np.testing.assert_array_equal(moved, np.add(drawn, [0, 2]))
    generator.state.assign(drawn)
    np.testing.assert_array_equal(compiled(model, ones, training=True)[0], first)
