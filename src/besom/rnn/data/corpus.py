"""Represents texts as token numbers, cuts them to a model's sizes, and turns them back into text.

Texts are called reviews in all data sets.
"""

import json
import logging
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

WORD_INDEX_FILE = "imdb_word_index.json"
PADDING, START, UNKNOWN = 0, 1, 2
INDEX_FROM = 3
"""A word's token is its rank by frequency, from 1, plus this number; name and value are Keras'."""

SENTIMENTS = ("negative", "positive")
"""The classes of film reviews, by label: 1 is positive."""

LARGEST_RANK = np.iinfo(np.int32).max - 16
"""The largest rank of a word, since tokens are int32."""

BLOCK = 4096
"""The number of reviews that are cut to size at once."""

WordIndex = Mapping[str, int]
"""Maps a word to its rank by frequency, from 1."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reviews:
    """Reviews of any length, concatenated.

    tokens: int32 [all tokens]; review ``i`` is ``tokens[offsets[i]:offsets[i + 1]]``
    offsets: int64 [reviews + 1]
    labels: int64 [reviews], each the index of its class in ``Corpus.classes``
    """

    tokens: NDArray[np.int32]
    offsets: NDArray[np.int64]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Corpus:
    """A data set before it is cut to size.

    ``digest`` identifies its content, ``classes`` names its labels, ``vocab_size`` is one above its
    largest token. ``word_index`` reads the words to show text; it returns none where they are
    missing. ``source`` says where the texts come from, ``remarks`` are for the user. ``version``
    identifies the rules that made the tokens, where the digest does not cover them.
    """

    name: str
    digest: str
    classes: tuple[str, ...]
    train: Reviews
    test: Reviews
    vocab_size: int
    word_index: Callable[[], WordIndex]
    source: str
    remarks: tuple[str, ...] = ()
    version: int = 1

    @property
    def n_classes(self) -> int:
        return len(self.classes)

    @property
    def identity(self) -> str:
        """Identifies the corpus' tokens, given the configuration."""
        return self.digest if self.version == 1 else f"{self.digest}, version {self.version}"


@dataclass(frozen=True)
class Split:
    """A model's input: tokens int32 [n, max_length], 0 pads at the front; labels int64 [n]."""

    tokens: NDArray[np.int32]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)


def view(reviews: Reviews, vocab_size: int, max_length: int) -> Split:
    """Cut reviews to ``max_length`` and the vocabulary to ``vocab_size``.

    This equals ``keras.datasets.imdb.load_data(num_words=vocab_size)`` and ``pad_sequences``:
    tokens from ``vocab_size`` on become unknown, long reviews lose their beginning, short ones are
    padded there. It works in blocks: a million reviews take a third of the time of slicing row by
    row, and no array is larger than the result.
    """
    tokens = np.full((len(reviews), max_length), PADDING, np.int32)
    for first in range(0, len(reviews), BLOCK):
        offsets = reviews.offsets[first : first + BLOCK + 1]
        lengths = np.diff(offsets)
        flat = np.asarray(reviews.tokens[offsets[0] : offsets[-1]])
        if lengths.max() > max_length:
            to_end = np.repeat(offsets[1:], lengths) - np.arange(offsets[0], offsets[-1])
            flat = flat[to_end <= max_length]
        is_filled = np.arange(max_length) >= max_length - lengths[:, None]
        tokens[first : first + BLOCK][is_filled] = np.where(flat < vocab_size, flat, UNKNOWN)
    return Split(tokens, np.asarray(reviews.labels))


def training_size(reviews: int, validation_split: float) -> int:
    """Return the number of training reviews; the tail is for validation, as in ``Model.fit``."""
    return int(reviews * (1.0 - validation_split))


def keras_folder() -> Path:
    """Return the folder where Keras keeps downloaded data sets."""
    return Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "datasets"


def read_index(source: Path) -> WordIndex:
    """Return Keras' word index, from beside ``source`` or from Keras' folder; empty if in neither.

    A damaged one is skipped.
    """
    for file in (source.parent / WORD_INDEX_FILE, keras_folder() / WORD_INDEX_FILE):
        try:
            index = json.loads(file.read_text(encoding="utf-8"))
        except OSError:
            continue
        except (ValueError, RecursionError):
            index = None
        if _is_index(index):
            return dict(index)
        log.warning("%s is not Keras' word index, and is not used", file)
    return {}


def _is_index(index: object) -> bool:
    """Return whether an index gives each word a valid rank, from 1."""
    if not isinstance(index, dict) or not set(map(type, index.values())) <= {int}:
        return False
    return not index or (min(index.values()) >= 1 and max(index.values()) <= LARGEST_RANK)


def decode(tokens: Iterable[int], index: WordIndex) -> str:
    """Return the text of one review, without padding and start; unknown words become ``?``."""
    by_token = {rank + INDEX_FROM: word for word, rank in index.items()}
    shown = (token for token in tokens if token not in (PADDING, START))
    return " ".join(by_token.get(int(token), "?") for token in shown)
