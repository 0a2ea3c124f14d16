"""The states of an attempt at a trial."""

from enum import StrEnum


class State(StrEnum):
    """How far an attempt at a trial or a confirmation is; a job ends as one of the first four."""

    COMPLETE = "complete"
    PRUNED = "pruned"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    RUNNING = "running"
    DEAD = "dead"
    """Its worker has died."""
    LOST = "lost"
    """Its sweep was killed before it was known how it ended."""
