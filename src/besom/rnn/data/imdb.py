"""The IMDb reviews (Maas et al. 2011) as Keras packs them, in the order Keras gives them."""

import hashlib
import os
from functools import lru_cache, partial
from itertools import accumulate, chain
from pathlib import Path

import numpy as np

from besom.common.errors import DataError
from besom.rnn import environment
from besom.rnn.cache_folder import cache_folder
from besom.rnn.data import cache
from besom.rnn.data.corpus import (
    INDEX_FROM,
    START,
    Corpus,
    Reviews,
    keras_folder,
    read_index,
)
from besom.rnn.data.npz import read_reviews

SHUFFLE_SEED = 113
"""The seed of ``keras.datasets.imdb.load_data``."""


def open_imdb(path: str | None) -> Corpus:
    """The corpus out of ``path``, BESOM_IMDB_PATH, Keras' cache, or a download by Keras.

    The first call for a file takes seconds and leaves a cache; later ones map it into memory.

    Raises:
        DataError: there is no such file, or it is not what it should be.
    """
    source = find(path)
    stat = source.stat()
    return _open(source, stat.st_size, stat.st_mtime_ns, cache_folder())


def find(path: str | None) -> Path:
    """The file to read; fetched by Keras when none is named and none is there."""
    if named := path or os.environ.get("BESOM_IMDB_PATH"):
        return _existing(Path(named).expanduser().absolute(), path)
    kept = keras_folder() / "imdb.npz"
    return kept if kept.is_file() else _download(kept)


def _existing(file: Path, path: str | None) -> Path:
    if os.path.isfile(file):  # Path.is_file fails over a name that is too long
        return file
    origin = "data.path" if path else "BESOM_IMDB_PATH"
    raise DataError(f"`{origin}={file}` is no file; give the path of Keras' imdb.npz")


def _download(target: Path) -> Path:
    try:
        environment.prepare()  # Keras brings TensorFlow: seconds, and needed this once
        from keras.datasets import imdb

        imdb.load_data()
        imdb.get_word_index()
    except Exception as error:  # Keras raises a bare Exception when it has no network
        raise DataError(
            f"no IMDb data at `{target}`, and Keras could not download it ({error}); name a local "
            "imdb.npz with `data.path` or BESOM_IMDB_PATH, or connect this machine once\n"
            "`data=synthetic` needs no file"
        ) from error
    return target


@lru_cache(maxsize=4)
def _open(source: Path, size: int, changed: int, folder: Path) -> Corpus:
    """``size`` and ``changed`` are part of the key, so that a replaced file is read again."""
    digest = _digest(source)
    train, test = cache.open_or_build(folder / "imdb" / digest, partial(read, source))
    vocab_size = 1 + int(max(train.tokens.max(), test.tokens.max()))
    return Corpus("imdb", digest, train, test, vocab_size, partial(read_index, source))


def _digest(source: Path) -> str:
    with source.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read(source: Path) -> tuple[Reviews, Reviews]:
    """Train and test reviews as ``keras.datasets.imdb.load_data`` orders and numbers them."""
    shuffle = np.random.RandomState(SHUFFLE_SEED)
    train, test = (_shuffled(source, split, shuffle) for split in ("train", "test"))
    return train, test


def _shuffled(source: Path, split: str, shuffle: np.random.RandomState) -> Reviews:
    ranks, labels = read_reviews(source, split)
    order = np.arange(len(ranks))
    shuffle.shuffle(order)
    return Reviews(*_flatten([ranks[i] for i in order]), labels[order])


def _flatten(ranks: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Reviews end to end, each after a start token."""
    offsets = np.fromiter(accumulate((len(review) + 1 for review in ranks), initial=0), np.int64)
    shifted = chain.from_iterable([START - INDEX_FROM, *review] for review in ranks)
    return np.fromiter(shifted, np.int32) + np.int32(INDEX_FROM), offsets
