"""Reads the IMDb reviews (Maas et al. 2011) from Keras' file, in the order of Keras.

Keras' ``imdb.npz`` is not trusted. Its reviews are pickled lists of integers, and a pickle can call
any code. This reader builds only lists, integers and inert stand-ins for NumPy's array and type.
Any other name in the pickle is refused before it is imported. No NumPy code runs on the pickle's
content.
"""

import io
import math
import os
import pickle
import zipfile
from functools import lru_cache, partial
from itertools import accumulate, chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from besom.common.errors import DataError
from besom.common.files import cache_folder
from besom.rnn import environment
from besom.rnn.data import cache
from besom.rnn.data.corpus import (
    INDEX_FROM,
    LARGEST_RANK,
    SENTIMENTS,
    START,
    Corpus,
    Reviews,
    keras_folder,
    read_index,
)
from besom.rnn.data.digests import Stamp, content_digest, stamp_of
from besom.rnn.data.paths import named_file, read_by

SHUFFLE_SEED = 113
"""The seed of ``keras.datasets.imdb.load_data``."""


def open_imdb(path: str | None) -> Corpus:
    """Open the corpus from ``path``, BESOM_IMDB_PATH, Keras' cache, or a download by Keras.

    The first call for a file takes seconds and writes a cache; later calls map it into memory.

    Raises:
        DataError: there is no such file, or it is not Keras' file.
    """
    return _open(read_by(stamp_of, find(path)), cache_folder())


def find(path: str | None) -> Path:
    """Return the file to read; Keras downloads it when none is named and none is cached."""
    if named := path or os.environ.get("BESOM_IMDB_PATH"):
        return _existing(named_file(named), path)
    kept = keras_folder() / "imdb.npz"
    return kept if kept.is_file() else _download(kept)


def _existing(file: Path, path: str | None) -> Path:
    if os.path.isfile(file):  # Path.is_file fails over a name that is too long
        return file
    origin = "data.path" if path else "BESOM_IMDB_PATH"
    raise DataError(f"`{origin}={file}` is no file; give the path of Keras' imdb.npz")


def _download(target: Path) -> Path:
    try:
        environment.prepare()  # Keras imports TensorFlow, which takes seconds, only here
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
def _open(stamp: Stamp, folder: Path) -> Corpus:
    """Open a file, cached by its stamp so that a replaced file is read again."""
    source = Path(stamp[0])
    digest = read_by(content_digest, source)
    train, test = cache.open_or_build(folder / "imdb" / digest, partial(read, source))
    vocab_size = 1 + int(max(train.tokens.max(), test.tokens.max()))
    index = partial(read_index, source)
    return Corpus("imdb", digest, SENTIMENTS, train, test, vocab_size, index, str(source))


def read(source: Path) -> tuple[Reviews, Reviews]:
    """Return train and test reviews ordered and numbered as in Keras' ``imdb.load_data``."""
    shuffle = np.random.RandomState(SHUFFLE_SEED)
    train, test = (_shuffled(source, split, shuffle) for split in ("train", "test"))
    return train, test


def _shuffled(source: Path, split: str, shuffle: np.random.RandomState) -> Reviews:
    ranks, labels = read_reviews(source, split)
    order = np.arange(len(ranks))
    shuffle.shuffle(order)
    return Reviews(*_flatten([ranks[i] for i in order]), labels[order])


def _flatten(ranks: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Concatenate reviews, each after a start token."""
    offsets = np.fromiter(accumulate((len(review) + 1 for review in ranks), initial=0), np.int64)
    shifted = chain.from_iterable([START - INDEX_FROM, *review] for review in ranks)
    return np.fromiter(shifted, np.int32) + np.int32(INDEX_FROM), offsets


class _Array:
    """Stands in for ``numpy.ndarray``: keeps the pickled state and does nothing with it."""

    def __init__(self, *arguments: object) -> None:
        self.items: object = None

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.items = state[-1]


class _Type:
    """Stands in for ``numpy.dtype``."""

    def __init__(self, *arguments: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        pass


STAND_INS = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Type,
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy._core.multiarray", "_reconstruct"): _Array,
}
"""The only names that a pickled array of lists needs; NumPy 2 moved one of them."""


class ListUnpickler(pickle.Unpickler):
    """Reads one pickled object array of lists; refuses every other object."""

    def find_class(self, module: str, name: str) -> type:
        if (module, name) in STAND_INS:
            return STAND_INS[module, name]
        raise pickle.UnpicklingError(f"it asks for `{module}.{name}`")


def read_reviews(path: Path, split: str) -> tuple[list[list[int]], NDArray[np.int64]]:
    """Return reviews and labels of one split, ``train`` or ``test``, in the file's order.

    Raises:
        DataError: the file is missing or damaged, or holds anything but reviews and labels 0 and 1.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            reviews = _read_lists(archive.read(f"x_{split}.npy"))
            labels = _read_labels(archive.read(f"y_{split}.npy"))
        _check_reviews(reviews)
        _check_labels(labels, len(reviews))
    except Exception as error:  # a pickle can raise anything: it is then not Keras' file
        reason = str(error) or type(error).__name__
        raise DataError(
            f"`{path}` is not Keras' imdb.npz: {reason}; name a whole copy of that file with "
            "`data.path` or BESOM_IMDB_PATH"
        ) from error
    return reviews, labels.astype(np.int64)


def _read_labels(member: bytes) -> NDArray[Any]:
    stream = io.BytesIO(member)
    shape, fortran, dtype = _read_header(stream)
    content = member[stream.tell() :]
    if dtype.hasobject or math.prod(shape) * dtype.itemsize != len(content):
        raise ValueError(f"the labels, {dtype} {list(shape)}, are not as many as their header says")
    return np.frombuffer(content, dtype).reshape(shape, order="F" if fortran else "C")


def _read_lists(member: bytes) -> list[list[int]]:
    stream = io.BytesIO(member)
    shape, _, dtype = _read_header(stream)
    if dtype.kind != "O" or len(shape) != 1:
        raise ValueError(f"the reviews are {dtype} {list(shape)}, not a row of lists")
    items = getattr(ListUnpickler(stream).load(), "items", None)
    if not isinstance(items, list) or len(items) != shape[0]:
        raise ValueError("the reviews are not as many as their header says")
    return items


def _read_header(stream: io.BytesIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = npy.read_magic(stream)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    return read(stream)


def _check_reviews(reviews: list[list[int]]) -> None:
    if not reviews:
        raise ValueError("it holds no reviews")
    if set(map(type, reviews)) != {list}:
        raise ValueError("a review is not a list")
    if not set(map(type, chain.from_iterable(reviews))) <= {int}:
        raise ValueError("a review holds something else than whole numbers")
    if min(map(min, filter(None, reviews)), default=0) < 0:
        raise ValueError("a review holds a number below 0")
    if max(map(max, filter(None, reviews)), default=0) > LARGEST_RANK:
        raise ValueError(f"a review holds a number above {LARGEST_RANK}")


def _check_labels(labels: NDArray[Any], reviews: int) -> None:
    if labels.shape != (reviews,):
        raise ValueError(f"{reviews} reviews have labels of shape {list(labels.shape)}")
    if labels.dtype.kind not in "iu" or not set(np.unique(labels)) <= {0, 1}:
        raise ValueError("a label is neither 0 nor 1")
