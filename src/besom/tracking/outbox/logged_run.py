"""The delivery state of a run, derived from its log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from besom.tracking.outbox.entries import Entry, Kind
from besom.tracking.outbox.log import RunLog


class RunStage(StrEnum):
    """The stages of a run's delivery."""

    ADDED_TO = "added to"
    """Entries are added here to a run that is closed, or that another process will close."""
    OPEN = "open"
    FINISHED = "finished"
    """Finished with an outcome: the caller has yet to commit it and to end the run."""
    ENDED = "ended"
    """Finished without an outcome to commit: the run can be closed."""
    CLOSED = "closed"
    """Ended by its caller; MLflow has yet to be told."""


@dataclass(frozen=True)
class Pending:
    """A run that its process left open. It has not finished (``outcome`` is None), or has finished
    with an outcome but was not ended. ``last_at``: when its process wrote last (ms since 1970)."""

    run_id: str
    name: str
    tags: Mapping[str, str]
    outcome: Mapping[str, Any] | None
    last_at: int


@dataclass(frozen=True)
class LastMetric:
    """The last value of a metric, and when it was logged (ms since 1970)."""

    step: int
    value: float
    at: int


@dataclass
class LoggedRun:
    """One run: its log and the state of its delivery."""

    log: RunLog
    opened: Entry
    is_taken_over: bool = False
    """The log was left by a dead process."""
    is_refused: bool = False
    """MLflow has refused entries of the run, and accepted none since."""
    is_synced: bool = False
    """All logged entries are safe from power failures."""
    has_model: bool = False
    finished: Entry | None = None
    last: Entry | None = None
    """The entry logged last."""
    metrics: dict[str, LastMetric] = field(default_factory=dict)
    stage: RunStage = RunStage.OPEN

    def __post_init__(self) -> None:
        if not self.opened.body["tags"]:
            self.stage = RunStage.ADDED_TO

    def note(self, entry: Entry) -> None:
        """Update the state from an entry of the log."""
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
        """Return whether delivering these entries completes the run: it is closed, and nothing has
        been added meanwhile."""
        is_over = any(entry.kind in (Kind.CLOSED, Kind.MODEL_DELETED) for entry in told)
        has_ended = self.stage in (RunStage.CLOSED, RunStage.ADDED_TO)
        return is_over and has_ended and told[-1] == self.last

    @property
    def pending(self) -> Pending:
        opened = self.opened.body
        outcome = self.finished.body["outcome"] if self.finished else None
        last_at = (self.last or self.opened).at
        return Pending(self.log.run_id, opened["name"], opened["tags"], outcome, last_at)
