"""Encodes rows of texts as tokens on disk, in bounded memory; the vocabulary is the training
part's.

Texts are read once. Words are numbered as they come, and the numbers written to a scratch file;
once the labels are known, the rows are put in order, the words of the training part ranked by
their frequency, and the tokens written. In memory are some 100 bytes for each row, and each word
once.
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
"""Words that are told apart: what comes first after so many is unknown. About 500 MiB."""
TOKENS_AT_ONCE, ROWS_AT_ONCE = 1 << 20, 1 << 14
"""In memory, about."""
_START, _OTHER = 0, 1
"""In the scratch file: a text's start, and words after the last that is told apart."""


class _Numbers(dict[str, int]):
    """A word -> its number, in the order of their first appearance."""

    def __missing__(self, word: str) -> int:
        if len(self) == MOST_WORDS:
            return _OTHER
        self[word] = number = len(self) + _OTHER + 1
        return number


@dataclass(frozen=True)
class Encoded:
    """Rows in the order of their files, the words as numbers.

    file: the scratch file, int32; row ``i`` is what stands at ``offsets[i]:offsets[i + 1]``
    offsets: int64 [rows + 1]
    labels: int32 [rows], each the place of its name in ``names``
    hashes: int64 [rows], equal where the texts are; of this process alone
    names: the labels, in the order of their first appearance
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
    """The words of ``rows``, by their places in ``encoded.words``: the most frequent first, equal
    ones in alphabetical order."""
    counts = np.zeros(len(encoded.words) + _OTHER + 1, np.int64)
    for numbers in _gathered(encoded, rows):
        counts += np.bincount(numbers, minlength=len(counts))
    counts = counts[_OTHER + 1 :]
    met = np.flatnonzero(counts).tolist()
    known = encoded.words
    return sorted(met, key=lambda place: (-counts[place], known[place]))


def write_tokens(encoded: Encoded, rows: NDArray[np.int64], ranked: list[int], path: Path) -> None:
    """Write the tokens of ``rows``, in this order, as an ``.npy`` file: int32 [all tokens].

    Words that :func:`rank` has not met are unknown.
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
    """Where each of ``rows`` begins, and where the last ends: int64 [rows + 1]."""
    return np.concatenate([[0], np.cumsum(np.diff(encoded.offsets)[rows])])


def _gathered(encoded: Encoded, rows: NDArray[np.int64]) -> Iterator[NDArray[np.int32]]:
    """The numbers of ``rows``, one after the other, in parts.

    Each row is read by itself: mapped into memory, the whole file would be there in the end.
    """
    starts, ends = encoded.offsets[:-1] * 4, encoded.offsets[1:] * 4  # bytes
    with encoded.file.open("rb") as file:
        for first in range(0, len(rows), ROWS_AT_ONCE):
            some = rows[first : first + ROWS_AT_ONCE]
            places = zip(starts[some].tolist(), ends[some].tolist(), strict=True)
            found = [os.pread(file.fileno(), end - start, start) for start, end in places]
            yield np.frombuffer(b"".join(found), np.int32)
