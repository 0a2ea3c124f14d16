"""Tests that a served model reads texts and tokens as the training did, without Besom."""

import json
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from mlflow.exceptions import MlflowException
from numpy.typing import NDArray
from omegaconf import DictConfig

from besom.rnn import text_classifier
from besom.rnn.data import Reviews, open_corpus, view
from besom.rnn.data.corpus import INDEX_FROM
from besom.rnn.packaging import CONTENTS, pack_model
from besom.rnn.text_classifier import READING_FILE, ReviewError, TextClassifier
from tests.rnn.conftest import encode
from tests.test_layers import imports

Small = Callable[..., DictConfig]

TEXTS = [
    "The wonderful, moving film!",
    "the PLOT wasn't very dull; but its ending?",
    "Qwzx' is the good\n\n'good' — naïve 7 out_of 10",
    "the film was good " * 20,
]


class Mean:
    """Stands in for a network; predicts the share of tokens that are not padding."""

    def predict(self, tokens: NDArray[np.int32], verbose: int) -> NDArray[np.float32]:
        return (tokens != 0).mean(axis=1, keepdims=True, dtype=np.float32)


def packed(config: DictConfig, folder: Path) -> Mapping[str, Any]:
    """Pack a model as after a training with ``config``; return how it reads texts."""
    contents = folder / "contents"
    contents.mkdir()
    model = folder / "model.keras"
    model.write_bytes(b"weights")
    pack_model(config, model, contents)
    assert (contents / "model.keras").read_bytes() == b"weights"
    return reading(contents)


def reading(contents: Path) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads((contents / READING_FILE).read_text(encoding="utf-8"))
    return found


def classifier(words: Mapping[str, int], vocab_size: int = 100) -> TextClassifier:
    return TextClassifier(Mean(), words, vocab_size, max_length=4)


@pytest.mark.parametrize("vocab_size", [20, 300, 10_000])
@pytest.mark.parametrize("max_length", [5, 40])
def test_a_text_is_read_as_the_training_would(
    vocab_size: int, max_length: int, small: Small, tmp_path: Path
) -> None:
    config = small(f"data.vocab_size={vocab_size}", f"data.max_length={max_length}")
    corpus = open_corpus(config.data, 0.2)
    encoded = [encode(text, corpus.word_index()) for text in TEXTS]
    offsets = np.cumsum([0, *map(len, encoded)])
    reviews = Reviews(np.concatenate(encoded).astype(np.int32), offsets, np.zeros(len(TEXTS)))
    found = TextClassifier(Mean(), **packed(config, tmp_path))
    np.testing.assert_array_equal(found.read(TEXTS), view(reviews, vocab_size, max_length).tokens)


def test_tokens_are_read_as_the_training_does(small: Small, tmp_path: Path) -> None:
    config = small()
    test = open_corpus(config.data, 0.2).test
    lists = [test.tokens[start:end] for start, end in pairwise(test.offsets)]
    expected = view(test, config.data.vocab_size, config.data.max_length).tokens
    found = TextClassifier(Mean(), **packed(config, tmp_path))
    np.testing.assert_array_equal(found.read(lists), expected)
    np.testing.assert_array_equal(found.read(list(expected)), expected)  # padded already


def test_no_word_travels_that_the_network_does_not_know(small: Small, tmp_path: Path) -> None:
    reading = packed(small("data.vocab_size=50"), tmp_path)
    assert sorted(reading["words"].values()) == list(range(INDEX_FROM + 1, 50))


def test_its_code_needs_nothing_of_besom() -> None:
    imported = set(imports(CONTENTS.code, set()))
    assert "numpy" in imported
    assert not [name for name in imported if name.startswith("besom")]


def test_its_numbers_are_those_of_the_data() -> None:
    from besom.rnn.data import corpus

    for name in ("PADDING", "START", "UNKNOWN"):
        assert getattr(text_classifier, name) == getattr(corpus, name)


@pytest.mark.parametrize(
    ("rows", "probabilities"),
    [
        ({"text": ["good good film", "good"]}, [1, 0.5]),
        ({"tokens": [[1, 4, 5, 4], [1]]}, [1, 0.25]),
        ({"tokens": [np.array([0, 0, 1, 4])]}, [0.5]),
        ({"text": ["good", None], "tokens": [float("nan"), [1, 2, 3]]}, [0.5, 0.75]),
        # What MLflow makes of {"text": ["good", "film"]}, from Python and over HTTP.
        ({"text": [["good", "film"]]}, [0.5, 0.5]),
        ({"text": [np.array(["good", "film"])]}, [0.5, 0.5]),
    ],
)
def test_rows_hold_texts_or_tokens(rows: dict[str, Any], probabilities: list[float]) -> None:
    found = classifier({"good": 4, "film": 5}).predict(pd.DataFrame(rows))
    assert found.dtype == np.float32
    assert found.tolist() == probabilities


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({}, "no text was given"),
        ({"text": ["good", ""]}, r"text 2 \(``\) holds no word; give some"),
        ({"text": [" ,.!\n"]}, r"text 1 \(`,.!`\) holds no word"),
        ({"text": ["qwzx xyzzy"]}, "holds none of the 2 words that the model knows"),
        ({"text": ["xyzzy " * 20]}, r"\(`xyzzy xyzzy xyzzy xyzzy xyzzy xyzzy xyz…`\)"),
        ({"other": ["good"]}, "row 1 has no `text` and no list of `tokens`; give one"),
        ({"tokens": [1, 2]}, "row 1 has no `text` and no list"),
        ({"text": ["good"], "tokens": [[1]]}, "row 1 has both"),
        ({"tokens": [[]]}, "text 1 has no tokens"),
        ({"tokens": [[1, -4]]}, "text 1 has the token `-4`; give whole numbers from 0"),
        ({"tokens": [[1, 2.5]]}, "the token `2.5`"),
        ({"tokens": [["good"]]}, "the token `'good'`"),
        ({"tokens": ["good"]}, "row 1 has text as its `tokens`; give it as its `text`"),
        ({"text": [["good", None]]}, "row 1 has `None` among its texts; give texts alone"),
        ({"text": [["good", 4]]}, "row 1 has `4` among its texts"),
    ],
)
def test_refuses_in_a_line(rows: dict[str, Any], message: str) -> None:
    """A server answers such an error with status 400, without a traceback."""
    with pytest.raises(MlflowException, match=message) as refused:
        classifier({"good": 4, "film": 5}).predict(pd.DataFrame(rows))
    assert "\n" not in str(refused.value)
    assert refused.value.get_http_status_code() == 400


def test_a_model_without_words_takes_tokens_only() -> None:
    assert classifier({}).probabilities([[1, 4]]).tolist() == [[0.5, 0.5]]
    with pytest.raises(ReviewError, match=r"imdb_word_index\.json"):
        classifier({}).probabilities(["good"])


def test_the_packed_network_gives_its_own_probabilities(
    small: Small, tensorflow: None, tmp_path: Path
) -> None:
    from besom.rnn.models import build_model, reset

    config = small()
    reset(config.seed)
    model = build_model(config.model, config.data.vocab_size, config.data.max_length, 2)
    model.save(tmp_path / "model.keras")
    contents = tmp_path / "contents"
    contents.mkdir()
    pack_model(config, tmp_path / "model.keras", contents)
    found = text_classifier._load_pyfunc(str(contents)).predict(pd.DataFrame({"text": TEXTS[:2]}))
    padded = TextClassifier(Mean(), **reading(contents)).read(TEXTS[:2])
    np.testing.assert_array_equal(found, model.predict(padded, verbose=0)[:, 0])
