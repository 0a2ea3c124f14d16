"""Tests ``model.build``: how the user's own network is built, checked and warned about."""

import logging
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pytest
from omegaconf import OmegaConf

from besom.app.hooks import entries, of_task, package_of
from besom.common.errors import ConfigError
from besom.rnn.models import own

pytestmark = pytest.mark.usefixtures("tensorflow")
BUILDERS = "tests.rnn.models.builders"
TOKENS = np.arange(12, dtype=np.int32).reshape(2, 6)


@pytest.fixture(autouse=True)
def _warned_anew() -> Iterator[None]:
    yield
    own.warn_once.cache_clear()


def built(function: str, n_classes: int = 2, **keys: Any) -> Any:
    from besom.rnn.models import make_model, reset

    reset(1)
    model = {"build": f"{BUILDERS}:{function}", **keys}
    data = {"vocab_size": 20, "max_length": 6}
    return make_model(OmegaConf.create({"model": model, "data": data}), n_classes)


@pytest.mark.parametrize("function", ["plain", "sequential", "of_any_length", "subclassed"])
def test_whatever_keras_builds_reads_tokens_of_one_size(function: str) -> None:
    model = built(function)
    assert model.input_shape == (None, 6) and model.inputs[0].dtype == "int32"
    found = model(TOKENS).numpy()
    assert found.shape == (2, 1) and ((found > 0) & (found < 1)).all()
    assert not model.compiled
    assert len(model.trainable_variables) == 3


def test_it_knows_its_own_keys_and_the_number_of_classes() -> None:
    model = built("plain", n_classes=3, width=7)
    assert model.output_shape == (None, 3)
    assert model.trainable_variables[0].shape == (20, 7)


@pytest.mark.parametrize(
    ("function", "parts"),
    [
        ("nothing", ["returned None; return a keras.Model"]),
        ("a_layer", ["returned a Dense; return a keras.Model"]),
        ("of_floats", ["reads float32 [n, 6]", "int32 [n, 6]", 'dtype="int32"']),
        ("too_short", ["reads int32 [n, 3], not the tokens of a text, int32 [n, 6]"]),
        ("two_inputs", ["has 2 inputs; a text is one"]),
        ("too_wide", ["gives [n, 3]", 'Dense(1, activation="sigmoid") for 2 classes']),
        ("two_outputs", ["has 2 outputs"]),
        ("of_logits", ["gives logits, no probabilities", 'activation="sigmoid"']),
        ("unsaved", ["cannot be saved", "get_config"]),
        ("of_config", ["takes (config: Any)", "calls it with (config, vocab_size, n_classes)"]),
        ("plian", ["no function `plian`", "did you mean `plain`?"]),
        ("TOKENS", ["no function `TOKENS`"]),
    ],
)
def test_what_cannot_be_trained_is_refused_in_plain_words(function: str, parts: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        built(function)
    message = str(caught.value)
    assert message.startswith(f"`model.build={BUILDERS}:{function}`"), message
    assert all(part in message for part in parts), message
    assert len(message.splitlines()) <= 3


def test_for_many_classes_a_softmax_is_asked_for() -> None:
    with pytest.raises(
        ConfigError, match=r'gives \[n, 1\]; end with Dense\(4, activation="softmax"'
    ):
        built("of_logits", n_classes=4)


@pytest.mark.parametrize(
    ("function", "rows", "said"),
    [
        ("few_rows", 19, "the Embedding `embedding` has 19 rows, and the tokens of "),
        ("few_rows_inside", 19, "the Embedding `subclassed/embedding` has 19 rows, and the tokens"),
        ("few_positions", 6, "the Embedding `table` has 6 rows, and is asked for row 6; give it"),
        ("few_buckets", 4, "the Embedding `table` has 4 rows, and is asked for row 4; give it"),
    ],
)
def test_a_table_with_too_few_rows_is_refused(function: str, rows: int, said: str) -> None:
    """XLA would use another row, without an error."""
    with pytest.raises(ConfigError) as caught:
        built(function, rows=rows)
    message = str(caught.value)
    assert message.startswith(f"`model.build={BUILDERS}:{function}`: {said}"), message
    if "tokens" in said:
        assert "`data.vocab_size=20` go to 19; make it of vocab_size rows" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("function", "rows"),
    [("few_rows", 20), ("few_rows_inside", 20), ("few_positions", 7), ("few_buckets", 5)],
)
def test_a_table_with_enough_rows_is_not(function: str, rows: int) -> None:
    built(function, rows=rows)


@pytest.mark.parametrize(
    ("function", "last"), [("raising", "of the user's own"), ("misspelled", "config.model.raws")]
)
def test_what_it_raises_is_shown_from_there_on(function: str, last: str) -> None:
    with pytest.raises(Exception) as caught:
        built(function)
    shown = traceback.extract_tb(of_task(_below_here(caught.value)))
    assert {Path(entry.filename).name for entry in shown} == {"builders.py"}
    assert last in (shown[-1].line or "")


def _below_here(error: BaseException) -> TracebackType | None:
    """Return the traceback from Besom's first frame on, as if Besom's own task had called."""
    return next(e for e in entries(error.__traceback__) if package_of(e) == "besom")


def test_what_it_raises_itself_stays_its_own() -> None:
    with pytest.raises(ZeroDivisionError, match="of the user's own"):
        built("raising")


@pytest.mark.parametrize(
    ("function", "said"),
    [
        ("unregistered", "for Unregistered: write @keras.saving.register_keras_serializable()"),
        ("by_lambda", "for __lambda__: Keras' safe mode loads no code"),
        ("of_any_length", "its compile() is not used"),
    ],
)
def test_what_will_not_be_served_or_used_is_said_once(
    function: str, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        built(function), built(function)
    assert caplog.text.count(said) == 1, caplog.text


def test_a_registered_layer_is_no_cause_for_a_word(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        model = built("shifted")
    assert caplog.text == ""
    assert own.foreign(model.get_config()) == {"besom_tests>Shifted"}
    assert own.foreign(built("several").get_config()) == set()
