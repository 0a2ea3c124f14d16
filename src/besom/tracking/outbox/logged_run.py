"""The delivery state of a run, as its log tells."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from besom.tracking.outbox.entries import Entry, Kind
from besom.tracking.outbox.log import RunLog


class RunStage(StrEnum):
    """How far a run is."""

    ADDED_TO = "added to"
    """Closed before, or to be closed by another process: something is added to it here."""
    OPEN = "open"
    FINISHED = "finished"
    """It has an outcome that its caller is still to commit, and then to end."""
    ENDED = "ended"
    """It has no outcome to commit, and is to be closed."""
    CLOSED = "closed"
    """Ended by its caller; MLflow is still to be told."""


@dataclass(frozen=True)
class Pending:
    """A run that its process left open: not finished (``outcome`` is None), or finished with an
    outcome and not ended."""

    run_id: str
    name: str
    tags: Mapping[str, str]
    outcome: Mapping[str, Any] | None


@dataclass(frozen=True)
class LastMetric:
    """The last value of a metric, and when it was said (ms since 1970)."""

    step: int
    value: float
    at: int


@dataclass
class LoggedRun:
    """One run: its log, and all that is known of how far it is."""

    log: RunLog
    opened: Entry
    is_taken_over: bool = False
    """A dead process has left it."""
    is_refused: bool = False
    """MLflow has refused entries of it, and taken none since."""
    is_synced: bool = False
    """What it was told is safe from power failures."""
    has_model: bool = False
    finished: Entry | None = None
    last: Entry | None = None
    """What it was told last."""
    metrics: dict[str, LastMetric] = field(default_factory=dict)
    stage: RunStage = RunStage.OPEN

    def __post_init__(self) -> None:
        if not self.opened.body["tags"]:
            self.stage = RunStage.ADDED_TO

    def note(self, entry: Entry) -> None:
        """Learn from an entry of its log how far it is."""
        self.last = entry
        if entry.kind == Kind.FINISHED:
            self.finished = entry
            self.stage = RunStage.FINISHED if entry.body["outcome"] else RunStage.ENDED
        elif entry.kind == Kind.CLOSED:
            self.stage = RunStage.CLOSED
        elif entry.kind == Kind.MODEL:
            self.has_model = True
        elif entry.kind == Kind.METRICS:
            step = entry.body["step"]
            for name, value in entry.body["values"].items():
                self.metrics[name] = LastMetric(step, value, entry.at)

    def is_delivered(self, told: Sequence[Entry]) -> bool:
        """Whether nothing is left to tell once this is: it is closed, and nothing has been added
        meanwhile."""
        is_over = any(entry.kind in (Kind.CLOSED, Kind.MODEL_DELETED) for entry in told)
        has_ended = self.stage in (RunStage.CLOSED, RunStage.ADDED_TO)
        return is_over and has_ended and told[-1] == self.last

    @property
    def pending(self) -> Pending:
        opened = self.opened.body
        outcome = self.finished.body["outcome"] if self.finished else None
        return Pending(self.log.run_id, opened["name"], opened["tags"], outcome)
