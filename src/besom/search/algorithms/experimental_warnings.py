"""Silences Optuna's warnings that a class is experimental."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from optuna.exceptions import ExperimentalWarning


@contextmanager
def unwarned() -> Iterator[None]:
    """Silence two warnings of Optuna inside this block.

    One is given at every use of an experimental class. The other is CMA-ES's warning that it
    ignores constraints, which a sweep itself mentions once.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        warnings.filterwarnings("ignore", "Constraints have been set")
        yield
