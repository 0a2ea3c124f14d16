"""Besom: asynchronous, pruned, resumable hyperparameter sweeps inside plain Hydra."""

from besom.errors import Interrupted, Pruned
from besom.recorder import expect, log, report, save, save_model, table

__version__ = "0.1.0"

__all__ = ["Interrupted", "Pruned", "expect", "log", "report", "save", "save_model", "table"]
