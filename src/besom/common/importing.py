"""Imports of large libraries in three quarters of their time."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collection(module: str) -> Iterator[None]:
    """Import ``module``, unless it is there, while Python looks for no garbage: none is made.

    It would, after every 700 objects, and again and again among all of them. What was made counts
    as old afterwards: it is looked through as seldom as if it had been there for long. Not so
    where the application has frozen objects of its own, which that would thaw.
    """
    if module in sys.modules:
        yield
        return
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if not gc.get_freeze_count():
            gc.freeze()
            gc.unfreeze()  # into the oldest generation
        if enabled:
            gc.enable()
