"""Tests the measured costs of a model: its size, and the time of a prediction."""

import keras
import numpy as np
import tensorflow as tf

from besom.rnn.models import reset
from besom.rnn.models.costs import COSTS, _answer, costs


def network(dtype: str = "float32") -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((6,), dtype="int32"),
            keras.layers.Embedding(10, 4, dtype=dtype),
            keras.layers.SimpleRNN(3, dtype=dtype),
            keras.layers.Dropout(0.5),  # its random state is not a weight
            keras.layers.Dense(1, activation="sigmoid", dtype=dtype),
        ]
    )


def test_the_size_is_that_of_the_weights() -> None:
    n_parameters = 10 * 4 + (4 + 3 + 1) * 3 + 3 + 1
    for dtype, width in (("float32", 4), ("float64", 8)):
        found = costs(network(dtype), np.ones((5, 6), np.int32), is_own=True)
        assert tuple(found) == COSTS
        assert found["n_parameters"] == network().count_params() == n_parameters
        assert found["model_bytes"] == width * n_parameters
        assert found["predict_ms"] > 0


def test_an_answer_is_that_of_the_model_though_the_program_was_traced_with_another() -> None:
    tokens = np.random.default_rng(1).integers(0, 10, (32, 6)).astype(np.int32)
    found = []
    for seed in (1, 2):
        reset(seed)
        model = network()
        found.append(_answer(model, tokens.shape, is_own=False)(tf.constant(tokens)).numpy())
        np.testing.assert_allclose(found[-1], model(tokens).numpy(), atol=1e-6)
    assert not np.allclose(*found)


def test_measuring_changes_nothing_that_is_saved() -> None:
    model = network()
    before = [weight.copy() for weight in model.get_weights()]
    costs(model, np.ones((40, 6), np.int32), is_own=True)
    assert all(map(np.array_equal, before, model.get_weights()))
