"""What Optuna calls experimental."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from optuna.exceptions import ExperimentalWarning


@contextmanager
def unwarned() -> Iterator[None]:
    """Optuna warns of it, some pruners and samplers, at every use, and CMA-ES of constraints, which
    a sweep says once; not inside."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        warnings.filterwarnings("ignore", "Constraints have been set")
        yield
