"""Tests the cache of reviews: it is built once, and again when it is damaged."""

import os
import time
from pathlib import Path

import numpy as np
import pytest

from besom.common.errors import DataError
from besom.rnn.data import cache
from besom.rnn.data.cache import Pair, open_or_build
from besom.rnn.data.corpus import Reviews

SPLIT = Reviews(
    tokens=np.array([1, 7, 1, 8, 9], np.int32), offsets=np.array([0, 2, 5]), labels=np.array([0, 1])
)


class Builder:
    """Builds a pair of splits, and counts its calls."""

    def __init__(self) -> None:
        self.builds = 0

    def __call__(self) -> Pair:
        self.builds += 1
        return SPLIT, SPLIT


def same(found: Reviews, expected: Reviews) -> bool:
    pairs = [
        (found.tokens, expected.tokens),
        (found.offsets, expected.offsets),
        (found.labels, expected.labels),
    ]
    return all(np.array_equal(a, b) and a.dtype == b.dtype for a, b in pairs)


def test_is_built_once_and_then_mapped(tmp_path: Path) -> None:
    build = Builder()
    for _ in range(2):
        train, test = open_or_build(tmp_path / "a", build)
        assert same(train, SPLIT) and same(test, SPLIT)
        assert isinstance(train.tokens.base, np.memmap)
    assert build.builds == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


@pytest.mark.parametrize("damage", [truncate, flip, Path.unlink])
@pytest.mark.parametrize("name", ["train-tokens.npy", "test-labels.npy", "manifest.json"])
def test_is_built_again_when_damaged(tmp_path: Path, name: str, damage: object) -> None:
    build = Builder()
    open_or_build(tmp_path / "a", build)
    assert callable(damage)
    damage(tmp_path / "a" / name)
    train, test = open_or_build(tmp_path / "a", build)
    assert same(train, SPLIT) and same(test, SPLIT)
    open_or_build(tmp_path / "a", build)
    assert build.builds == 2


def test_is_built_again_for_another_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build = Builder()
    open_or_build(tmp_path / "a", build)
    monkeypatch.setattr(cache, "FORMAT", cache.FORMAT + 1)
    open_or_build(tmp_path / "a", build)
    assert build.builds == 2


def test_a_build_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def build() -> Pair:
        raise DataError("no such file")

    with pytest.raises(DataError, match="no such file"):
        open_or_build(tmp_path / "a", build)
    assert not (tmp_path / "a").exists()


def test_the_other_of_two_processes_may_win(tmp_path: Path) -> None:
    def build() -> Pair:
        open_or_build(tmp_path / "a", Builder())
        return SPLIT, SPLIT

    train, _ = open_or_build(tmp_path / "a", build)
    assert same(train, SPLIT)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_folder_that_cannot_be_written_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="BESOM_CACHE"):
        open_or_build(tmp_path / "file" / "a", Builder())


def test_what_killed_processes_have_begun_goes_and_what_others_write_stays(tmp_path: Path) -> None:
    old, young = tmp_path / ".abc-1234", tmp_path / ".def-5678"
    for draft in (old, young):
        draft.mkdir()
        (draft / "scratch").write_bytes(b"tokens")
    long_ago = time.time() - 2 * cache.ABANDONED
    os.utime(old, (long_ago, long_ago))
    open_or_build(tmp_path / "a", Builder())
    assert sorted(path.name for path in tmp_path.iterdir()) == [young.name, "a"]


def test_what_was_not_opened_for_the_longest_time_makes_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, days in (("oldest", 4), ("opened", 3), ("old", 2), ("today", 0)):
        open_or_build(tmp_path / name, Builder())
        at = time.time() - days * cache.IN_USE
        os.utime(tmp_path / name, (at, at))
    size = sum(file.stat().st_size for file in (tmp_path / "old").iterdir())
    open_or_build(tmp_path / "opened", Builder())
    monkeypatch.setattr(cache, "LIMIT", 3 * size)
    open_or_build(tmp_path / "new", Builder())
    assert {path.name for path in tmp_path.iterdir()} == {"opened", "today", "new"}
    monkeypatch.setattr(cache, "LIMIT", 0)
    open_or_build(tmp_path / "newer", Builder())
    assert len([*tmp_path.iterdir()]) == 4, "another process may be at work with any of them"
