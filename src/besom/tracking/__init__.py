"""Keeps the record in MLflow: each run, its configuration and environment, and its results.

This room knows MLflow, and the calls of a task (:mod:`besom.session`). It must not know Optuna, the
workers, or why a run was made. Importing it is cheap; MLflow itself is imported by :func:`connect`.
"""

from besom.tracking.outbox.logged_run import Pending
from besom.tracking.reader import ReadRun
from besom.tracking.record import Record, connect

__all__ = ["Pending", "ReadRun", "Record", "connect"]
