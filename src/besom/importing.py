"""Imports of large libraries in three quarters of their time."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collection() -> Iterator[None]:
    """Nothing that an import makes is garbage, so Python is not to look for any meanwhile.

    It would, after every 700 objects, and again and again among all of them. What was made counts
    as old afterwards: it is looked through as seldom as if it had been there for long.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.unfreeze()  # into the oldest generation
        if enabled:
            gc.enable()
