"""Tests the Adam of compiled programs against Keras' own."""

from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.usefixtures("tensorflow")

ROWS, WIDTH = 6, 3


def trained(optimizer: Any, periods: list[int], dtype: str = "float32") -> list[np.ndarray]:
    """Return table, kernel and the optimizer's variables after ``periods`` of so many steps.

    Each step has a gradient for some rows of the table, one of them twice.
    """
    from contextlib import nullcontext

    import keras
    import tensorflow as tf

    random = np.random.default_rng(0)
    table, kernel = (
        keras.Variable(random.normal(0, 1, shape), dtype=dtype)
        for shape in ((ROWS, WIDTH), (WIDTH, 2))
    )
    optimizer.build([table, kernel])
    for n_steps in periods:
        with getattr(optimizer, "period", nullcontext)():
            for _ in range(n_steps):
                values = tf.constant(random.normal(0, 1, (4, WIDTH)), dtype)
                of_table = tf.IndexedSlices(values, tf.constant([0, 2, 2, 4]), (ROWS, WIDTH))
                of_kernel = tf.constant(random.normal(0, 1, (WIDTH, 2)), dtype)
                optimizer.apply([of_table, of_kernel], [table, kernel])
    return [one.numpy() for one in (table, kernel, *optimizer.variables)]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"beta_1": 0.5, "beta_2": 0.9, "epsilon": 0.1},
        {"weight_decay": 0.1, "global_clipnorm": 0.5},
    ],
    ids=str,
)
@pytest.mark.parametrize("periods", [[1], [3, 2], [64, 7]], ids=str)
def test_weights_and_moments_are_keras_own_after_each_period(
    periods: list[int], settings: dict[str, Any]
) -> None:
    import keras

    from besom.rnn.engines.adam import Adam

    expected = trained(keras.optimizers.Adam(0.01, **settings), periods)
    found = trained(Adam(0.01, **settings), periods)
    assert len(found) == len(expected) == 8
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
    assert found[2] == sum(periods)


def test_other_precisions_are_kept() -> None:
    import keras

    from besom.rnn.engines.adam import Adam

    expected = trained(keras.optimizers.Adam(0.01), [5], "float64")
    found = trained(Adam(0.01), [5], "float64")
    assert found[0].dtype == found[4].dtype == np.float64
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4)


def test_a_configuration_is_keras_own_and_its_program_is_not() -> None:
    import keras

    from besom.rnn.engines.adam import Adam
    from besom.rnn.engines.xla import _settings

    ours, stock = (kind(0.01, name="adam") for kind in (Adam, keras.optimizers.Adam))
    assert ours.get_config() == stock.get_config()
    assert _settings(ours) != _settings(stock)


def test_what_it_cannot_do_it_says() -> None:
    from besom.rnn.engines.adam import Adam

    with pytest.raises(ValueError, match="no amsgrad here"):
        Adam(amsgrad=True)
    optimizer = Adam()
    with pytest.raises(ZeroDivisionError), optimizer.period():
        raise ZeroDivisionError
    with pytest.raises(RuntimeError, match=r"outside of period\(\)"):
        optimizer._steps("float32")


def test_an_epoch_may_have_more_steps_than_a_divisor_lasts() -> None:
    """0.9 ** 1000 is 0 in float32."""
    from tests.rnn.engines.test_engines import made, split

    engine, _ = made("xla", split(1000), batch_size=1, units=2, embedding_dim=2)
    score = engine.train(np.arange(1000, dtype=np.int32))
    assert np.isfinite(score.loss)
