"""Reading Keras' ``imdb.npz`` without trusting it.

Its reviews are pickled lists of integers, and a pickle may call anything. This reader builds lists,
integers and inert stand-ins for NumPy's array and type; any other name in the pickle is refused
before it is imported. No NumPy code runs on what the pickle says either.
"""

import io
import math
import pickle
import zipfile
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from besom.common.errors import DataError
from besom.rnn.data.corpus import LARGEST_RANK


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
"""The only names that such an array needs; NumPy 2 moved one of them."""


class ListUnpickler(pickle.Unpickler):
    """Reads one pickled object array of lists, and nothing that could act."""

    def find_class(self, module: str, name: str) -> type:
        if (module, name) in STAND_INS:
            return STAND_INS[module, name]
        raise pickle.UnpicklingError(f"it asks for `{module}.{name}`")


def read_reviews(path: Path, split: str) -> tuple[list[list[int]], NDArray[np.int64]]:
    """The reviews and labels of one split, ``train`` or ``test``, in the file's order.

    Raises:
        DataError: the file is missing or damaged, or holds anything but reviews and labels 0 and 1.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            reviews = _read_lists(archive.read(f"x_{split}.npy"))
            labels = _read_labels(archive.read(f"y_{split}.npy"))
        _check_reviews(reviews)
        _check_labels(labels, len(reviews))
    except Exception as error:  # a pickle can raise anything; all of it means: not our file
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
