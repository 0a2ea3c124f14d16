"""Tokens to text and back."""

import json
from pathlib import Path

import pytest

from besom.rnn.data.words import decode, encode, keras_folder, read_index

INDEX = {"the": 1, "film": 2, "isn't": 3}


def test_a_text_survives_the_way_there_and_back() -> None:
    tokens = encode("The film isn't!", INDEX)
    assert tokens == [1, 4, 5, 6]
    assert decode([0, 0, *tokens], INDEX) == "the film isn't"


def test_unknown_words_are_shown_as_such() -> None:
    assert encode("the plot", INDEX) == [1, 4, 2]
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
