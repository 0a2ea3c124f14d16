"""The states of an attempt at a trial."""

from enum import StrEnum


class State(StrEnum):
    """The state of an attempt at a trial or confirmation; a job ends in one of the first four."""

    COMPLETE = "complete"
    PRUNED = "pruned"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    RUNNING = "running"
    DEAD = "dead"
    """Its worker has died."""
    LOST = "lost"
    """Its sweep was killed before its end was known."""
