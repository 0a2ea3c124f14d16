"""Sweeps that start no trial, and confirm the best of those that there are: ``besom confirm``."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_ASKED_FOR: ContextVar[bool] = ContextVar("confirm_only", default=False)


@contextmanager
def confirm_only() -> Iterator[None]:
    """Sweeps inside only confirm.

    Hydra is between: it hands nothing to a sweeper but its configuration, where this is no option.
    """
    before = _ASKED_FOR.set(True)
    try:
        yield
    finally:
        _ASKED_FOR.reset(before)


def confirms_only() -> bool:
    """Whether :func:`confirm_only` holds here."""
    return _ASKED_FOR.get()
