"""Tests Besom's SimpleRNN against the stock layer: values, gradients, configuration."""

from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.usefixtures("tensorflow")

SIZES = [
    (1, 1, 1, 1),
    (4, 1, 3, 2),
    (5, 7, 3, 2),
    pytest.param((16, 30, 8, 12), marks=pytest.mark.slow),  # sizes between the others
    (8, 400, 32, 32),
]
"""Batch, time, width, units."""


def pair(units: int, **settings: Any) -> tuple[Any, Any]:
    """Return a stock layer and Besom's, not built."""
    import keras

    from besom.rnn.engines.recurrent import SimpleRNN

    return keras.layers.SimpleRNN(units, **settings), SimpleRNN(units, **settings)


def same_weights(stock: Any, ours: Any, shape: tuple[int, ...]) -> None:
    """Build both with the same random weights; a bias of zeros would hide that it is missing."""
    random = np.random.default_rng(3)
    stock.build(shape)
    ours.build(shape)
    weights = [random.normal(0, 0.3, weight.shape) for weight in stock.get_weights()]
    stock.set_weights(weights)
    ours.set_weights(weights)


def sequences(*shape: int) -> np.ndarray:
    return np.random.default_rng(2).normal(0, 1, shape).astype(np.float32)


def value_and_gradients(layer: Any, inputs: np.ndarray, *, compiled: bool) -> list[np.ndarray]:
    """Return the output, then the gradients of its weighted sum: input, kernels, bias."""
    import tensorflow as tf

    def run(x: Any) -> list[Any]:
        with tf.GradientTape() as tape:
            tape.watch(x)
            output = layer(x)
            weights = tf.reshape(tf.range(tf.size(output[0])) + 1, tf.shape(output[0]))
            weighted = tf.reduce_sum(output * tf.cast(weights, tf.float32))
        sources = [x, *(weight.value for weight in layer.trainable_variables)]
        return [output, *tape.gradient(weighted, sources)]

    function = tf.function(run, jit_compile=True, autograph=False) if compiled else run
    return [np.array(result) for result in function(tf.constant(inputs))]


@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "eager"])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_values_and_gradients_are_the_stock_layers(
    size: tuple[int, int, int, int], compiled: bool
) -> None:
    batch, time, width, units = size
    stock, ours = pair(units)
    same_weights(stock, ours, (batch, time, width))
    inputs = sequences(batch, time, width)
    expected = value_and_gradients(stock, inputs, compiled=compiled)
    found = value_and_gradients(ours, inputs, compiled=compiled)
    assert len(found) == 5
    for one, other in zip(found, expected, strict=True):
        assert np.linalg.norm(one - other) <= 1e-5 * np.linalg.norm(other)
        assert np.abs(one - other).max() <= 1e-5 * np.abs(other).max()


@pytest.mark.parametrize(
    "settings",
    [
        {"use_bias": False},
        {"go_backwards": True},
        {"return_sequences": True},
        {"return_sequences": True, "go_backwards": True},
    ],
    ids=str,
)
@pytest.mark.parametrize("steps", [1, 6])
def test_other_ways_through_the_steps_are_the_stock_layers(
    steps: int, settings: dict[str, Any]
) -> None:
    stock, ours = pair(4, **settings)
    same_weights(stock, ours, (3, steps, 2))
    expected = value_and_gradients(stock, sequences(3, steps, 2), compiled=True)
    found = value_and_gradients(ours, sequences(3, steps, 2), compiled=True)
    assert len(found) == 5 - ("use_bias" in settings)
    for one, other in zip(found, expected, strict=True):
        assert one.shape == other.shape
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("return_sequences", [False, True], ids=["last", "all"])
def test_both_directions_are_the_stock_layers(return_sequences: bool) -> None:
    import keras

    from besom.rnn.engines.recurrent import BothDirections, fast_recurrent

    one = keras.layers.SimpleRNN(4, return_sequences=return_sequences)
    stock = keras.layers.Bidirectional(one)
    stock.build((3, 6, 2))
    ours = fast_recurrent(stock)
    assert type(ours) is BothDirections
    expected = value_and_gradients(stock, sequences(3, 6, 2), compiled=True)
    found = value_and_gradients(ours, sequences(3, 6, 2), compiled=True)
    assert len(found) == 8
    for one, other in zip(found, expected, strict=True):
        assert np.abs(one - other).max() <= 1e-5 * np.abs(other).max()
    mask = np.arange(6)[None] < np.array([[6], [2], [0]])
    inputs = sequences(3, 6, 2)
    np.testing.assert_array_equal(ours(inputs, mask=mask), stock(inputs, mask=mask))
    assert np.abs(ours(inputs, mask=mask) - ours(inputs)).max() > 1e-3


def test_both_directions_begin_in_states_that_are_given() -> None:
    import keras

    from besom.rnn.engines.recurrent import fast_recurrent

    stock = keras.layers.Bidirectional(keras.layers.SimpleRNN(4))
    stock.build((3, 6, 2))
    inputs, given = sequences(3, 6, 2), [sequences(3, 4), -sequences(3, 4)]
    ours = fast_recurrent(stock)
    found, expected = (layer(inputs, initial_state=given) for layer in (ours, stock))
    np.testing.assert_array_equal(found, expected)
    assert np.abs(found - ours(inputs)).max() > 1e-3


@pytest.mark.parametrize("merge_mode", ["sum", None])
def test_directions_that_are_put_together_otherwise_stay_stock(merge_mode: str | None) -> None:
    import keras

    from besom.rnn.engines.recurrent import fast_recurrent

    one = keras.layers.SimpleRNN(4)
    assert fast_recurrent(keras.layers.Bidirectional(one, merge_mode=merge_mode)) is None


@pytest.mark.parametrize(
    "settings",
    [
        {"activation": "relu"},
        {"activation": None},
        {"return_state": True},
        {"unroll": True},
        {"stateful": True},
        {"dtype": "mixed_bfloat16"},
        {"dtype": "float64"},
    ],
    ids=str,
)
def test_whatever_else_is_asked_for_is_the_stock_computation(settings: dict[str, Any]) -> None:
    stock, ours = pair(4, **settings)
    same_weights(stock, ours, (3, 6, 2))
    for _ in range(2):  # a stateful layer continues from its first call
        expected, found = stock(sequences(3, 6, 2)), ours(sequences(3, 6, 2))
        if not isinstance(expected, (list, tuple)):
            expected, found = [expected], [found]
        for one, other in zip(found, expected, strict=True):
            assert one.dtype == other.dtype
            np.testing.assert_array_equal(np.float64(one), np.float64(other))


def test_masks_and_initial_states_are_respected() -> None:
    stock, ours = pair(4)
    same_weights(stock, ours, (3, 6, 2))
    inputs, mask = sequences(3, 6, 2), np.arange(6)[None] < np.array([[6], [2], [0]])
    state = sequences(3, 4)
    for arguments in ({"mask": mask}, {"initial_state": state}):
        np.testing.assert_array_equal(ours(inputs, **arguments), stock(inputs, **arguments))
        assert np.abs(ours(inputs, **arguments) - ours(inputs)).max() > 1e-3


@pytest.mark.parametrize("kind", ["dropout", "recurrent_dropout"])
def test_drops_in_training_only(kind: str) -> None:
    stock, ours = pair(4, **{kind: 0.5})
    same_weights(stock, ours, (3, 6, 2))
    inputs = sequences(3, 6, 2)
    np.testing.assert_array_equal(ours(inputs, training=False), stock(inputs, training=False))
    assert np.abs(ours(inputs, training=True) - ours(inputs, training=False)).max() > 1e-3


def test_regularizers_still_count() -> None:
    stock, ours = pair(4, kernel_regularizer="l2", activity_regularizer="l2")
    same_weights(stock, ours, (3, 6, 2))
    stock(sequences(3, 6, 2)), ours(sequences(3, 6, 2))
    np.testing.assert_allclose([*map(float, ours.losses)], [*map(float, stock.losses)], rtol=1e-5)


def test_configuration_and_weights_are_the_stock_layers() -> None:
    stock, ours = pair(4, name="rnn")
    same_weights(stock, ours, (3, 6, 2))
    assert ours.get_config() == stock.get_config()
    paths = [[weight.path for weight in layer.weights] for layer in (ours, stock)]
    assert paths[0] == paths[1]


def test_trains_in_a_keras_model_of_any_batch_size() -> None:
    import keras

    from besom.rnn.engines.recurrent import SimpleRNN

    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((None, 2)), SimpleRNN(4), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    losses = model.fit(sequences(10, 6, 2), np.ones(10), batch_size=4, epochs=3, verbose=0)
    assert losses.history["loss"][-1] < losses.history["loss"][0]
    assert model.predict(sequences(5, 9, 2), verbose=0).shape == (5, 1)
