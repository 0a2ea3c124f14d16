"""Tests views against Keras' own functions, word indices, and tokens shown as text."""

import json
from pathlib import Path

import numpy as np
import pytest

from besom.rnn.data import corpus
from besom.rnn.data.corpus import (
    Reviews,
    decode,
    keras_folder,
    read_index,
    training_size,
    view,
)


def flat(rows: list[list[int]]) -> Reviews:
    return Reviews(
        tokens=np.array([token for row in rows for token in row], np.int32),
        offsets=np.cumsum([0, *map(len, rows)]),
        labels=np.arange(len(rows)) % 2,
    )


ROWS = [[1, 5, 9, 12], [1], [1, 4], [1, 30, 31, 32, 33, 34, 35], []]


@pytest.mark.parametrize("block", [2, 4096])
@pytest.mark.parametrize("max_length", [1, 2, 4, 7, 20])
@pytest.mark.parametrize("vocab_size", [4, 10, 33, 100])
def test_equals_pad_sequences_over_limited_words(
    tensorflow: None, vocab_size: int, max_length: int, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from keras.utils import pad_sequences

    monkeypatch.setattr(corpus, "BLOCK", block)

    limited = [[token if token < vocab_size else 2 for token in row] for row in ROWS]
    split = view(flat(ROWS), vocab_size, max_length)
    np.testing.assert_array_equal(split.tokens, pad_sequences(limited, max_length))
    assert split.tokens.dtype == np.int32
    assert split.labels.tolist() == [0, 1, 0, 1, 0]


def test_reviews_without_any_token_are_padding() -> None:
    assert view(flat([[], []]), 10, 3).tokens.tolist() == [[0, 0, 0], [0, 0, 0]]


@pytest.mark.parametrize("reviews", [2, 7, 99, 100, 25000])
@pytest.mark.parametrize("validation_split", [0.1, 0.2, 0.3, 0.7])
def test_the_tail_is_split_off_where_keras_does(
    tensorflow: None, reviews: int, validation_split: float
) -> None:
    from keras.src.trainers.data_adapters.array_slicing import train_validation_split

    size = training_size(reviews, validation_split)
    if size == 0:
        with pytest.raises(ValueError, match="not sufficient"):
            train_validation_split(np.arange(reviews), validation_split)
        return
    train, validation = train_validation_split(np.arange(reviews), validation_split)
    assert (size, reviews - size) == (len(train), len(validation))


INDEX = {"the": 1, "film": 2, "isn't": 3}


def test_tokens_are_shown_as_text() -> None:
    assert decode([0, 0, 1, 4, 5, 6], INDEX) == "the film isn't"
    assert decode([1, 4, 2, 99], INDEX) == "the ? ?"


def test_the_index_beside_the_data_comes_before_keras(tmp_path: Path) -> None:
    source = tmp_path / "imdb.npz"
    assert read_index(source) == {}
    keras_folder().mkdir(parents=True)
    (keras_folder() / "imdb_word_index.json").write_text(json.dumps({"kept": 1}))
    assert read_index(source) == {"kept": 1}
    (tmp_path / "imdb_word_index.json").write_text(json.dumps(INDEX))
    assert read_index(source) == INDEX


@pytest.mark.parametrize("text", ["", "[1]", '{"the": "1"}', '{"the"'])
def test_a_damaged_index_is_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "imdb_word_index.json").write_text(text)
    assert read_index(tmp_path / "imdb.npz") == {}
