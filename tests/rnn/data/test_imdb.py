"""Tests Keras' imdb.npz: finding it, reading it like Keras, refusing unsafe pickles."""

import io
import os
import pickle
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from besom.common.errors import DataError
from besom.rnn.data import imdb
from besom.rnn.data.corpus import Reviews, view
from besom.rnn.data.imdb import open_imdb, read_reviews
from tests.rnn.conftest import objects, reviews_of

VOCAB_SIZE, MAX_LENGTH = 40, 10


@pytest.fixture
def no_download(monkeypatch: pytest.MonkeyPatch) -> None:
    def load_data() -> None:
        raise Exception("URL fetch failure")

    monkeypatch.setattr("keras.datasets.imdb.load_data", load_data)


def keras_own(
    path: Path, monkeypatch: pytest.MonkeyPatch, vocab_size: int
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Return what Keras' load_data reads from this file, without its check of the digest."""
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


def npz(path: Path, reviews: Any, labels: Any) -> Path:
    np.savez(path, x_train=reviews, y_train=labels)
    return path


def raw(path: Path, pickled: bytes, rows: int = 1) -> Path:
    """Write a file whose reviews are ``pickled`` after the header of an object array."""
    member = io.BytesIO()
    header = {"descr": "|O", "fortran_order": False, "shape": (rows,)}
    np.lib.format.write_array_header_1_0(member, header)  # type: ignore[arg-type]
    labels = io.BytesIO()
    np.save(labels, np.zeros(rows, int))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x_train.npy", member.getvalue() + pickled)
        archive.writestr("y_train.npy", labels.getvalue())
    return path


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_reads_what_numpy_wrote(tmp_path: Path, protocol: int) -> None:
    reviews = reviews_of(9, seed=0)
    path = raw(tmp_path / "a.npz", pickle.dumps(objects(reviews), protocol=protocol), rows=9)
    found, labels = read_reviews(path, "train")
    assert found == reviews
    assert labels.tolist() == [0] * 9


def test_reads_the_older_name_of_numpys_module(tmp_path: Path) -> None:
    pickled = pickle.dumps(objects([[1, 2]]), protocol=3).replace(b"numpy._core", b"numpy.core")
    assert b"numpy.core" in pickled
    assert read_reviews(raw(tmp_path / "a.npz", pickled), "train")[0] == [[1, 2]]


class Malicious:
    """Calls ``function`` when it is unpickled."""

    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.call


@pytest.mark.parametrize("inside", ["alone", "in an array", "in a review"])
@pytest.mark.parametrize("function", [os.system, eval, exec, os.mkdir])
def test_a_pickle_that_acts_is_refused_before_it_acts(
    tmp_path: Path, inside: str, function: Callable[..., object]
) -> None:
    trace = tmp_path / "trace"
    argument = {
        os.system: f"mkdir '{trace}'",
        os.mkdir: str(trace),
    }.get(function, f"__import__('os').mkdir({str(trace)!r})")
    item: Any = Malicious(function, argument)
    if inside == "in an array":
        item = objects([item])
    if inside == "in a review":
        item = objects([[1, item]])
    pickled = pickle.dumps(item)
    with pytest.raises(DataError, match="it asks for"):
        read_reviews(raw(tmp_path / "evil.npz", pickled), "train")
    assert not trace.exists()
    pickle.loads(pickled)
    assert trace.exists(), "the test's own pickle does nothing"


@pytest.mark.parametrize(
    ("reviews", "labels", "reason"),
    [
        (objects([[1.5]]), [0], "whole numbers"),
        (objects([[True]]), [0], "whole numbers"),
        (objects([["1"]]), [0], "whole numbers"),
        (objects([[[1]]]), [0], "whole numbers"),
        (objects([(1, 2)]), [0], "not a list"),  # type: ignore[list-item]
        (objects([{1: 2}]), [0], "not a list"),  # type: ignore[list-item]
        (objects([[-1]]), [0], "below 0"),
        (objects([[2**31]]), [0], "above"),
        (objects([]), [], "no reviews"),
        (np.ones((3, 4), int), [0, 1, 0], "not a row of lists"),
        (objects([[1]]).reshape(1, 1), [[0]], "not a row of lists"),
        (objects([[1], [2]]), [0], "labels of shape"),
        (objects([[1]]), [[0]], "labels of shape"),
        (objects([[1]]), [2], "neither 0 nor 1"),
        (objects([[1]]), [0.5], "neither 0 nor 1"),
    ],
)
def test_anything_but_reviews_and_labels_is_refused(
    tmp_path: Path, reviews: np.ndarray, labels: list[Any], reason: str
) -> None:
    with pytest.raises(DataError, match=reason):
        read_reviews(npz(tmp_path / "a.npz", reviews, np.array(labels)), "train")


def test_fewer_reviews_than_the_header_says_are_refused(tmp_path: Path) -> None:
    path = raw(tmp_path / "a.npz", pickle.dumps(objects([[1]])), rows=2)
    with pytest.raises(DataError, match="header"):
        read_reviews(path, "train")


@pytest.mark.parametrize(
    "pickled", [b"", b"\x80\x04", b"\x80\x03\xff.", pickle.dumps([1, 2]), pickle.dumps(None)]
)
def test_a_pickle_of_something_else_is_refused(tmp_path: Path, pickled: bytes) -> None:
    with pytest.raises(DataError):
        read_reviews(raw(tmp_path / "a.npz", pickled), "train")


@pytest.mark.parametrize("shape", [(10**12,), (2**31, 2**31), (3,)])
def test_labels_are_as_many_as_their_header_says(tmp_path: Path, shape: tuple[int, ...]) -> None:
    labels = io.BytesIO()
    header = {"descr": "<i8", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(labels, header)  # type: ignore[arg-type]
    path = npz(tmp_path / "a.npz", objects([[1], [2]]), np.zeros(2, int))
    with zipfile.ZipFile(path) as archive:
        reviews = archive.read("x_train.npy")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x_train.npy", reviews)
        archive.writestr("y_train.npy", labels.getvalue() + bytes(16))
    with pytest.raises(DataError, match="labels, int64"):
        read_reviews(path, "train")


def test_a_missing_member_is_named(imdb_file: Path) -> None:
    with pytest.raises(DataError, match=r"x_validation\.npy"):
        read_reviews(imdb_file, "validation")


@pytest.mark.parametrize("kept", [0, 10, 200, -30])
def test_a_truncated_file_is_refused_with_a_remedy(imdb_file: Path, kept: int) -> None:
    imdb_file.write_bytes(imdb_file.read_bytes()[:kept])
    with pytest.raises(DataError, match=r"imdb\.npz` is not .*`data\.path`"):
        read_reviews(imdb_file, "train")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        read_reviews(tmp_path / "imdb.npz", "train")


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="a file that root cannot read")
def test_a_file_that_cannot_be_read_is_refused_in_a_line() -> None:
    with pytest.raises(DataError, match="`/proc/self/mem` cannot be read: Input/output error"):
        open_imdb("/proc/self/mem")
