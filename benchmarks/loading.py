"""Loads the reviews as a trial of Besom does, twice in one process.

python -m benchmarks.loading VOCAB_SIZE MAX_LENGTH    prints a line of JSON
"""

import hashlib
import json
import sys
import time
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from besom.rnn.config import Data
from besom.rnn.data import Dataset, load


def digest(arrays: Iterable[NDArray[np.integer]]) -> str:
    """Return a digest of the arrays' values, whatever their integer types."""
    whole = hashlib.sha256()
    for array in arrays:
        whole.update(array.astype(np.int64).tobytes())
    return whole.hexdigest()


def main(vocab_size: int, max_length: int) -> None:
    """Load the splits twice; print the seconds of each load and the digest of the data."""
    config = Data(name="imdb", vocab_size=vocab_size, max_length=max_length, path=None)
    seconds = []
    for _ in range(2):
        started = time.perf_counter()
        data = load(config, validation_split=0.2, with_test=True)
        seconds.append(time.perf_counter() - started)
    print(json.dumps({"seconds": seconds, "digest": digest(_arrays(data))}))


def _arrays(data: Dataset) -> list[NDArray[np.integer]]:
    assert data.test is not None
    train, validation, test = data.train, data.validation, data.test
    return [
        np.concatenate([train.tokens, validation.tokens]),
        np.concatenate([train.labels, validation.labels]),
        test.tokens,
        test.labels,
    ]


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
