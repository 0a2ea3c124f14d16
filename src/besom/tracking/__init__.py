"""The record: what was run, with what, and what came of it, kept in MLflow.

Importing this package is cheap; MLflow itself is imported by :func:`connect`.
"""

from besom.tracking.outbox.logged_run import Pending
from besom.tracking.reader import ReadRun
from besom.tracking.record import Record, connect

__all__ = ["Pending", "ReadRun", "Record", "connect"]
