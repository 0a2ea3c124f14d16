"""IMDb files and word indices that are damaged, or are something else."""

import io
import json
import os
import pickle
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from besom.common.errors import DataError
from besom.rnn.data import imdb
from besom.rnn.data.corpus import (
    INDEX_FROM,
    WORD_INDEX_FILE,
    Reviews,
    decode,
    read_index,
    view,
)
from tests.fuzz.damage import JSON, Damage, damages
from tests.fuzz.harness import bounded, examples, refused
from tests.rnn.conftest import encode, objects, reviews_of

VOCAB_SIZE, MAX_LENGTH = 40, 8
MEMBERS = ("x_train.npy", "y_train.npy", "x_test.npy", "y_test.npy")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Yield a valid IMDb file of six reviews."""
    folder = tmp_path_factory.mktemp("data")
    file = folder / "imdb.npz"
    reviews, labels = objects(reviews_of(6, seed=0)), np.arange(6) % 2
    np.savez(file, x_train=reviews, y_train=labels, x_test=reviews, y_test=labels)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BESOM_CACHE", str(folder / "cache"))
        patch.setenv("KERAS_HOME", str(folder / "keras"))
        yield file


def reviews_or_refused(file: Path) -> None:
    """Assert that the file's reviews are valid for training, or refused with a plain message."""
    imdb._open.cache_clear()
    with bounded():
        try:
            corpus = imdb.open_imdb(str(file))
        except DataError as error:
            refused(error)
            return
        for split in (corpus.train, corpus.test):
            hold(split)


def hold(reviews: Reviews) -> None:
    assert reviews.offsets[0] == 0 and reviews.offsets[-1] == len(reviews.tokens)
    assert (np.diff(reviews.offsets) > 0).all() and len(reviews.offsets) == len(reviews) + 1
    split = view(reviews, VOCAB_SIZE, MAX_LENGTH)
    assert split.tokens.shape == (len(reviews), MAX_LENGTH)
    assert split.tokens.min() >= 0 and split.tokens.max() < VOCAB_SIZE
    assert set(split.labels.tolist()) <= {0, 1}


def sibling(whole: Path, content: bytes) -> Path:
    file = whole.with_name("other.npz")
    file.write_bytes(content)
    return file


@examples(100)
@given(damage=damages())
def test_a_damaged_file_is_read_right_or_refused(whole: Path, damage: Damage) -> None:
    reviews_or_refused(sibling(whole, damage(whole.read_bytes())))


@examples(150)
@given(damage=damages(), name=st.sampled_from(MEMBERS))
def test_damage_that_the_archive_does_not_notice(whole: Path, damage: Damage, name: str) -> None:
    with zipfile.ZipFile(whole) as archive:
        members = {member: archive.read(member) for member in MEMBERS}
    members[name] = damage(members[name])
    reviews_or_refused(sibling(whole, packed(members)))


def packed(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


THINGS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=6,
)
TYPES = ["<i8", "<i4", "<u8", "<f8", "|b1", "|S3", "<U2", "<c16", "<M8[s]", "<i4,<f4"]
ROWS = st.lists(st.lists(st.integers(0, 50), max_size=4) | THINGS, max_size=4)


def array(items: Any, kind: str, shape: tuple[int, ...]) -> bytes:
    """Return a member of an archive whose header may disagree with its ``items``."""
    stream = io.BytesIO()
    header = {"descr": kind, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, header)  # type: ignore[arg-type]
    stream.write(items)
    return stream.getvalue()


@examples(150)
@given(
    rows=ROWS,
    labels=st.lists(st.integers(-1, 2), max_size=4) | st.lists(THINGS, max_size=3),
    kind=st.sampled_from(TYPES),
    shape=st.sampled_from([None, (), (0,), (10**12,), (-1,), (2, 2), (1, 10**9)]),
)
@example(rows=[[1]], labels=[1], kind="<i8", shape=(10**15,))
def test_an_archive_of_something_else(
    whole: Path, rows: list[Any], labels: list[Any], kind: str, shape: tuple[int, ...] | None
) -> None:
    reviews = array(pickle.dumps(objects(rows)), "|O", (len(rows),) if shape is None else shape)
    try:
        values = np.array(labels).astype(kind).tobytes()
    except (ValueError, TypeError, OverflowError):
        values = pickle.dumps(labels)
    of_labels = array(values, kind, (len(labels),) if shape is None else shape)
    members = dict(zip(MEMBERS, [reviews, of_labels] * 2, strict=True))
    reviews_or_refused(sibling(whole, packed(members)))


INDICES = st.dictionaries(st.text(max_size=5), st.integers(-5, 50), max_size=5)


@examples(100)
@given(content=(INDICES | JSON).map(json.dumps).map(str.encode), damage=damages())
@example(content=b"[" * 100_000, damage=lambda content: content)
@example(content=b'{"a": -5}', damage=lambda content: content)
@example(content=b'{"a": ' + b"9" * 5000 + b"}", damage=lambda content: content)
def test_a_word_index_is_used_or_ignored(whole: Path, content: bytes, damage: Damage) -> None:
    for written in (content, damage(content)):
        file = whole.with_name(WORD_INDEX_FILE)
        file.write_bytes(written)
        os.utime(file)
        with bounded():
            index = read_index(whole)
            assert all(rank >= 1 for rank in index.values())
            tokens = encode("a film é", index)
            assert all(token + INDEX_FROM < 2**31 for token in tokens)
            decode(tokens, index)
