"""Orders a file's rows for splitting: shuffled, and stratified by class."""

import numpy as np
from numpy.typing import NDArray


def stratified_order(labels: NDArray[np.integer], seed: int) -> NDArray[np.int64]:
    """Return an order of the rows in which any tail is a stratified sample: int64 [rows].

    The rows of each class are shuffled and spread evenly from the beginning to the end. So a tail
    with a share ``s`` of all rows has the share ``s`` of each class, rounded to the nearest row.

    Args:
        labels: the class of each row, from 0.
        seed: the seed of the shuffle; equal seeds give the same order.
    """
    random = np.random.default_rng(seed)
    shuffled = random.permutation(len(labels))
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    counts = np.bincount(labels)
    n_before = np.repeat(np.cumsum(counts) - counts, counts)
    place = (np.arange(len(labels)) - n_before + 0.5) / np.repeat(counts, counts)
    return by_class[np.lexsort((random.random(len(labels)), place))]
