"""Loads the reviews as a script with Keras does: ``load_data``, then ``pad_sequences``.

python -m benchmarks.peers.load_data VOCAB_SIZE MAX_LENGTH    prints a line of JSON
"""

import json
import os
import sys
import time
from unittest import mock

from keras.datasets import imdb
from keras.preprocessing.sequence import pad_sequences

from benchmarks.loading import digest


def main(vocab_size: int, max_length: int) -> None:
    """Load both splits; print the seconds and the digest of the data."""
    path = os.environ["BESOM_IMDB_PATH"]
    # Patched, since `load_data` accepts only a file with the hash of Keras' own.
    with mock.patch("keras.src.datasets.imdb.get_file", return_value=path):
        started = time.perf_counter()
        (train, train_labels), (test, test_labels) = imdb.load_data(num_words=vocab_size)
        arrays = [
            pad_sequences(train, maxlen=max_length),
            train_labels,
            pad_sequences(test, maxlen=max_length),
            test_labels,
        ]
        seconds = time.perf_counter() - started
    print(json.dumps({"seconds": [seconds], "digest": digest(arrays)}))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
