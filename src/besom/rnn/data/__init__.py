"""The reviews: found, read once, cut to the sizes of a trial. No TensorFlow in here."""

from dataclasses import dataclass
from typing import cast

from besom.rnn.config import Data, SyntheticData
from besom.rnn.data.corpus import Corpus, Reviews, Split, training_size, view
from besom.rnn.data.imdb import open_imdb
from besom.rnn.data.synthetic import open_synthetic

__all__ = ["Corpus", "Dataset", "Reviews", "Split", "load", "open_corpus", "training_size", "view"]


@dataclass(frozen=True)
class Dataset:
    """Reviews ready for a model, and where they come from.

    ``validation`` is the tail of the training reviews. ``test`` is None unless it was asked for.
    """

    corpus: Corpus
    train: Split
    validation: Split
    test: Split | None


def open_corpus(data: Data) -> Corpus:
    """The data set by its name, whole; kept for the next call of this process.

    Raises:
        DataError: its file is missing or damaged.
    """
    if data.name == "synthetic":
        made = cast(SyntheticData, data)
        return open_synthetic(made.train_reviews, made.test_reviews, made.label_noise)
    return open_imdb(data.path)


def load(data: Data, validation_split: float, *, with_test: bool) -> Dataset:
    """The three splits, cut to ``data.vocab_size`` and ``data.max_length``.

    Raises:
        DataError: its file is missing or damaged.
    """
    corpus = open_corpus(data)
    whole = view(corpus.train, data.vocab_size, data.max_length)
    size = training_size(len(whole), validation_split)
    return Dataset(
        corpus,
        train=Split(whole.tokens[:size], whole.labels[:size]),
        validation=Split(whole.tokens[size:], whole.labels[size:]),
        test=view(corpus.test, data.vocab_size, data.max_length) if with_test else None,
    )
