"""Silences Optuna's warnings that a class is experimental."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from optuna.exceptions import ExperimentalWarning


@contextmanager
def unwarned() -> Iterator[None]:
    """Inside this block Optuna does not warn at every use of an experimental class, nor CMA-ES of
    constraints, which a sweep mentions once by itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        warnings.filterwarnings("ignore", "Constraints have been set")
        yield
