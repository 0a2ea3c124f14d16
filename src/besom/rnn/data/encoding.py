"""Encodes rows of texts as tokens on disk, in bounded memory.

The vocabulary is that of the training part. Texts are read once. Words are numbered in order of
appearance, and the numbers are written to a scratch file. Once the labels are known, the rows are
ordered, the words of the training part ranked by frequency, and the tokens written. Memory holds
some 100 bytes for each row, and each word once.
"""

import os
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from besom.rnn.data.corpus import INDEX_FROM, START, UNKNOWN
from besom.rnn.text_classifier import words

MOST_WORDS = 1 << 22
"""The most distinct words, about 500 MiB; new words after these are unknown."""
TOKENS_AT_ONCE, ROWS_AT_ONCE = 1 << 20, 1 << 14
"""The approximate numbers of tokens and rows in memory."""
_START, _OTHER = 0, 1
"""Numbers in the scratch file: a text's start, and words beyond :data:`MOST_WORDS`."""


class _Numbers(dict[str, int]):
    """Maps a word to its number, in order of first appearance."""

    def __missing__(self, word: str) -> int:
        if len(self) == MOST_WORDS:
            return _OTHER
        self[word] = number = len(self) + _OTHER + 1
        return number


@dataclass(frozen=True)
class Encoded:
    """Rows in the order of their files, with words as numbers.

    file: the scratch file, int32; row ``i`` is at ``offsets[i]:offsets[i + 1]``
    offsets: int64 [rows + 1]
    labels: int32 [rows], each the index of its name in ``names``
    hashes: int64 [rows], equal for equal texts; valid in this process only
    names: the labels, in order of first appearance
    words: the words, in the order of their numbers
    """

    file: Path
    offsets: NDArray[np.int64]
    labels: NDArray[np.int32]
    hashes: NDArray[np.int64]
    names: list[str]
    words: list[str]


def encode(rows: Iterable[tuple[str, str]], scratch: Path) -> Encoded:
    """Read texts and their labels, and write the words' numbers to ``scratch``."""
    numbers, names = _Numbers(), dict[str, int]()
    lengths, labels, hashes = array("q", [0]), array("i"), array("q")
    buffer: list[int] = []
    with scratch.open("wb") as file:
        for text, name in rows:
            found = words(text)
            buffer.append(_START)
            buffer.extend(map(numbers.__getitem__, found))
            lengths.append(len(found) + 1)
            labels.append(names.setdefault(name, len(names)))
            hashes.append(hash(text))
            if len(buffer) >= TOKENS_AT_ONCE:
                np.array(buffer, np.int32).tofile(file)
                buffer.clear()
        np.array(buffer, np.int32).tofile(file)
    offsets = np.cumsum(np.frombuffer(lengths, np.int64))
    return Encoded(
        scratch,
        offsets,
        np.frombuffer(labels, np.int32),
        np.frombuffer(hashes, np.int64),
        [*names],
        [*numbers],
    )


def rank(encoded: Encoded, rows: NDArray[np.int64]) -> list[int]:
    """Return the words of ``rows``, as indices of ``encoded.words``: the most frequent first, those
    of equal frequency in alphabetical order."""
    counts = np.zeros(len(encoded.words) + _OTHER + 1, np.int64)
    for numbers in _gathered(encoded, rows):
        counts += np.bincount(numbers, minlength=len(counts))
    counts = counts[_OTHER + 1 :]
    met = np.flatnonzero(counts).tolist()
    known = encoded.words
    return sorted(met, key=lambda place: (-counts[place], known[place]))


def write_tokens(encoded: Encoded, rows: NDArray[np.int64], ranked: list[int], path: Path) -> None:
    """Write the tokens of ``rows``, in this order, as an ``.npy`` file: int32 [all tokens].

    Words outside ``ranked`` become unknown.
    """
    table = np.full(len(encoded.words) + _OTHER + 1, UNKNOWN, np.int32)
    table[_START] = START
    table[np.array(ranked, np.int64) + _OTHER + 1] = np.arange(len(ranked)) + INDEX_FROM + 1
    lengths = np.diff(encoded.offsets)[rows]
    with path.open("wb") as file:
        header = {"descr": "<i4", "fortran_order": False, "shape": (int(lengths.sum()),)}
        npy.write_array_header_1_0(file, header)
        for part in _gathered(encoded, rows):
            table[part].astype("<i4", copy=False).tofile(file)


def offsets_of(encoded: Encoded, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return where each of ``rows`` begins, and where the last one ends: int64 [rows + 1]."""
    return np.concatenate([[0], np.cumsum(np.diff(encoded.offsets)[rows])])


def _gathered(encoded: Encoded, rows: NDArray[np.int64]) -> Iterator[NDArray[np.int32]]:
    """Yield the numbers of ``rows``, concatenated, in parts.

    Each row is read on its own: if the file were mapped, it would end up in memory as a whole.
    """
    starts, ends = encoded.offsets[:-1] * 4, encoded.offsets[1:] * 4  # bytes
    with encoded.file.open("rb") as file:
        for first in range(0, len(rows), ROWS_AT_ONCE):
            some = rows[first : first + ROWS_AT_ONCE]
            places = zip(starts[some].tolist(), ends[some].tolist(), strict=True)
            found = [os.pread(file.fileno(), end - start, start) for start, end in places]
            yield np.frombuffer(b"".join(found), np.int32)
