"""Loads texts and their classes: IMDb's, synthetic ones, or the user's own.

Texts are read once, and cut to the sizes of a trial. This room knows the ``data`` group of the
configuration. It uses TensorFlow only to download IMDb.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from besom.rnn.config import Data, kind_of
from besom.rnn.data.corpus import Corpus, Reviews, Split, training_size, view
from besom.rnn.data.facts import describe
from besom.rnn.data.imdb import open_imdb
from besom.rnn.data.synthetic import open_synthetic
from besom.rnn.data.text_files import open_text_files

__all__ = [
    "Corpus",
    "Dataset",
    "Reviews",
    "Split",
    "describe",
    "load",
    "open_corpus",
    "training_size",
    "view",
]

DATA_SETS: dict[str, Callable[[Any, float], Corpus]] = {
    "imdb": lambda data, _: open_imdb(data.path),
    "synthetic": lambda data, _: open_synthetic(
        data.train_reviews, data.test_reviews, data.label_noise
    ),
    "text_files": open_text_files,
}
"""The function that opens each kind of data set, given the configuration's ``data`` and the share
of the training texts to validate on."""


@dataclass(frozen=True)
class Dataset:
    """Reviews ready for a model, and the corpus that they come from.

    ``validation`` is the tail of the training reviews. ``test`` is None unless it was requested.
    """

    corpus: Corpus
    train: Split
    validation: Split
    test: Split | None


def open_corpus(data: Data, validation_split: float) -> Corpus:
    """Open the whole data set; it is kept for the next call of this process.

    Raises:
        DataError: its file is missing or damaged.
    """
    return DATA_SETS[kind_of(data)](data, validation_split)


def load(data: Data, validation_split: float, *, with_test: bool) -> Dataset:
    """Load the three splits, cut to ``data.vocab_size`` and ``data.max_length``.

    Raises:
        DataError: its file is missing or damaged.
    """
    corpus = open_corpus(data, validation_split)
    whole = view(corpus.train, data.vocab_size, data.max_length)
    size = training_size(len(whole), validation_split)
    return Dataset(
        corpus,
        train=Split(whole.tokens[:size], whole.labels[:size]),
        validation=Split(whole.tokens[size:], whole.labels[size:]),
        test=view(corpus.test, data.vocab_size, data.max_length) if with_test else None,
    )
