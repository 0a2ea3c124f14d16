"""The IMDb reviews: found, and equal to Keras' own to the last element."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from besom.common.errors import DataError
from besom.rnn.data import imdb
from besom.rnn.data.corpus import Reviews, view
from besom.rnn.data.imdb import open_imdb

VOCAB_SIZE, MAX_LENGTH = 40, 10


@pytest.fixture
def no_download(monkeypatch: pytest.MonkeyPatch) -> None:
    def load_data() -> None:
        raise Exception("URL fetch failure")

    monkeypatch.setattr("keras.datasets.imdb.load_data", load_data)


def keras_own(
    path: Path, monkeypatch: pytest.MonkeyPatch, vocab_size: int
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """What Keras' load_data makes of this file, its check of the digest left out."""
    monkeypatch.setattr("keras.src.datasets.imdb.get_file", lambda **_: str(path))
    import keras

    return keras.datasets.imdb.load_data(num_words=vocab_size)


def equals_keras(path: Path, monkeypatch: pytest.MonkeyPatch, sizes: tuple[int, int]) -> None:
    import keras

    corpus = open_imdb(str(path))
    both = keras_own(path, monkeypatch, sizes[0])
    for reviews, (tokens, labels) in zip((corpus.train, corpus.test), both, strict=True):
        split = view(reviews, *sizes)
        padded = keras.utils.pad_sequences(tokens, sizes[1])
        np.testing.assert_array_equal(split.tokens, padded)
        np.testing.assert_array_equal(split.labels, labels)
        assert (split.tokens.dtype, split.labels.dtype) == (padded.dtype, labels.dtype)


def test_equals_keras_to_the_last_element(
    imdb_file: Path, monkeypatch: pytest.MonkeyPatch, tensorflow: None
) -> None:
    equals_keras(imdb_file, monkeypatch, (VOCAB_SIZE, MAX_LENGTH))


def test_equals_keras_on_the_real_file(
    real_imdb: Path, monkeypatch: pytest.MonkeyPatch, tensorflow: None
) -> None:
    equals_keras(real_imdb, monkeypatch, (10000, 100))


def test_the_digest_and_the_vocabulary_are_the_files(imdb_file: Path) -> None:
    corpus = open_imdb(str(imdb_file))
    assert (corpus.name, len(corpus.digest)) == ("imdb", 64)
    assert corpus.vocab_size == 1 + max(corpus.train.tokens.max(), corpus.test.tokens.max())
    assert (len(corpus.train), len(corpus.test)) == (100, 20)


def test_a_replaced_file_is_read_again(imdb_file: Path) -> None:
    before = open_imdb(str(imdb_file))
    with np.load(imdb_file, allow_pickle=True) as arrays:
        kept = {name: arrays[name][:10] for name in arrays}
    np.savez(imdb_file, **kept)
    after = open_imdb(str(imdb_file))
    assert before.digest != after.digest
    assert len(after.train) == 10


def test_a_second_process_reads_the_cache_alone(
    imdb_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = open_imdb(str(imdb_file))
    imdb._open.cache_clear()
    monkeypatch.setattr(imdb, "read", lambda source: pytest.fail("it was read again"))
    second = open_imdb(str(imdb_file))
    np.testing.assert_array_equal(first.train.tokens, second.train.tokens)


def test_the_path_comes_before_the_variable_and_that_before_keras_cache(
    imdb_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "keras" / "datasets" / "imdb.npz"
    kept.parent.mkdir(parents=True)
    shutil.copy(imdb_file, kept)
    assert imdb.find(None) == kept
    variable = shutil.copy(imdb_file, tmp_path / "variable.npz")
    monkeypatch.setenv("BESOM_IMDB_PATH", str(variable))
    assert imdb.find(None) == variable
    assert imdb.find(str(imdb_file)) == imdb_file


def test_absent_and_offline_is_one_error_with_both_remedies(
    tensorflow: None, no_download: None
) -> None:
    with pytest.raises(DataError, match="URL fetch failure") as caught:
        open_imdb(None)
    assert "BESOM_IMDB_PATH" in str(caught.value)
    assert "connect this machine" in str(caught.value)


@pytest.mark.parametrize("origin", ["data.path", "BESOM_IMDB_PATH"])
def test_a_path_that_leads_nowhere_is_refused_with_its_origin(
    origin: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = str(tmp_path / "nowhere.npz")
    if origin == "BESOM_IMDB_PATH":
        monkeypatch.setenv(origin, nowhere)
    with pytest.raises(DataError, match=f"`{origin}="):
        open_imdb(nowhere if origin == "data.path" else None)


def test_an_empty_review_is_a_start_token(tmp_path: Path) -> None:
    tokens, offsets = imdb._flatten([[], [4]])
    assert tokens.tolist() == [1, 1, 7]
    assert offsets.tolist() == [0, 1, 3]
    assert view(Reviews(tokens, offsets, np.zeros(2, int)), 9, 2).tokens.tolist() == [
        [0, 1],
        [1, 7],
    ]
