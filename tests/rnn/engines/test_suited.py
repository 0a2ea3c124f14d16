"""Tests that the user's own networks train to stock Keras' numbers, by either engine."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from omegaconf import OmegaConf

from besom.rnn.config import Training
from tests.rnn.engines.test_engines import MAX_LENGTH, REVIEWS, VOCAB_SIZE, split

pytestmark = pytest.mark.usefixtures("tensorflow")


def made(
    engine: str, function: str, seed: int = 0, others: Mapping[str, Any] | None = None, **keys: Any
) -> Any:
    """Return an engine over a new network, and the network.

    Args:
        others: sections of the configuration beside ``model`` and ``data``.
        keys: further keys of ``model``.
    """
    from besom.rnn.engines.base import make_engine
    from besom.rnn.models import make_model, reset
    from besom.rnn.models.own import made_of

    reset(seed)
    model = {"build": f"tests.rnn.models.builders:{function}", **keys}
    data = {"vocab_size": VOCAB_SIZE, "max_length": MAX_LENGTH}
    config = OmegaConf.create({"model": model, "data": data, "seed": seed, **(others or {})})
    training = Training(
        engine=engine, optimizer="adam", batch_size=30, learning_rate=0.01, epochs=2
    )
    network = make_model(config, 2)
    return make_engine(network, training, split(REVIEWS), 2, made_of(config)), network


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        ("batch_norm", "batch_normalization has variables that change in training"),
        ("regularized", "it has a regularizer"),
        ("active", "a layer adds a loss"),
        ("mixing", "a layer mixes the texts of a batch"),
        ("stateful", "spectral_normalization has variables that change in training"),
        ("hashed", "XLA cannot compile it"),
        ("plain", None),
        ("several", None),
    ],
)
def test_what_xla_would_train_otherwise_is_named_and_nothing_is_changed(
    function: str, reason: str | None
) -> None:
    from besom.rnn.engines.suited import unsuited

    _, network = made("keras", function)
    before = [np.asarray(variable) for variable in network.variables]
    found = unsuited(network)
    assert (found or "").startswith(reason or "") and bool(found) == bool(reason), found
    for variable, value in zip(network.variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)


@pytest.mark.parametrize(
    "function", ["batch_norm", pytest.param("regularized", marks=pytest.mark.slow)]
)
def test_stock_keras_takes_over_with_a_word_and_its_numbers(
    function: str, caplog: pytest.LogCaptureFixture
) -> None:
    order = np.arange(REVIEWS, dtype=np.int32)
    with caplog.at_level(logging.WARNING):
        engine, network = made("xla", function)
    assert engine.name == "keras"
    assert "stock Keras trains this model, not training.engine=xla: " in caplog.text
    stock, other = made("keras", function)
    assert engine.train(order) == stock.train(order)
    for weights in zip(network.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(*weights)


@pytest.mark.parametrize(
    ("function", "settings"),
    [
        ("closed_over_training", [{"others": {"training": {"scale": by}}} for by in (9, -90)]),
        pytest.param("closed_over", [{"by": by} for by in (9.0, -90.0)], marks=pytest.mark.slow),
        pytest.param(
            "closed_over_own_key",
            [{"others": {"mine": {"scale": by}}} for by in (9, -90)],
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "closed_over_chance", [{"seed": seed} for seed in (1, 2)], marks=pytest.mark.slow
        ),
    ],
)
def test_a_second_program_is_not_the_first_ones(
    function: str, settings: Sequence[Mapping[str, Any]]
) -> None:
    """The networks have equal saved configurations, but different numbers in a layer, which Keras
    does not save. They do not share a program. The last batch is smaller."""
    order, losses = np.arange(REVIEWS, dtype=np.int32), []
    for setting in settings:
        found, expected = (made(name, function, **setting)[0] for name in ("xla", "keras"))
        assert found.name == "xla"
        losses.append(found.train(order).loss)
        assert losses[-1] == pytest.approx(expected.train(order).loss, rel=1e-4)
    assert losses[0] != pytest.approx(losses[1], abs=1e-2)
