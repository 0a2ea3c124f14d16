"""Besom: asynchronous, pruned, resumable hyperparameter sweeps inside plain Hydra."""

import besom.common.early  # noqa: F401  before all that takes time

# isort: split
from typing import TYPE_CHECKING, Any

from besom.common.errors import Interrupted, Pruned
from besom.session import expect, log, report, save, save_model, table

if TYPE_CHECKING:
    from besom.results.tables import curves, runs

__version__ = "0.1.0"

__all__ = [
    "Interrupted",
    "Pruned",
    "curves",
    "expect",
    "log",
    "report",
    "runs",
    "save",
    "save_model",
    "table",
]


def __getattr__(name: str) -> Any:
    """``besom.runs`` and ``besom.curves`` need pandas, which tasks and commands do not."""
    if name not in ("curves", "runs"):
        raise AttributeError(f"module `besom` has no attribute `{name}`")
    from besom.results import tables

    return getattr(tables, name)
