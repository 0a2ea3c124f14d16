"""How a job ended."""

from enum import StrEnum


class State(StrEnum):
    """How an attempt ended."""

    COMPLETE = "complete"
    PRUNED = "pruned"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
