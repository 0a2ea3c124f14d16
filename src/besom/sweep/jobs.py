"""What there is to do in a sweep, job by job, as the supervisor sees it."""

import time
from dataclasses import dataclass, field
from typing import Protocol

from besom.common.errors import BesomError
from besom.common.states import State
from besom.search.study import Study
from besom.sweep.plan import Plan
from besom.tracking.record import Record
from besom.workers.messages import Assignment, Outcome, Reported

RUN_STATUS = {
    State.COMPLETE: "FINISHED",
    State.PRUNED: "FINISHED",
    State.FAILED: "FAILED",
}
"""How MLflow calls the ends of a job."""


@dataclass(frozen=True)
class Sweep:
    """What was asked for, and the two places where what comes of it is kept.

    Attributes:
        parent_run: the sweep's own run, whose children are the runs of its jobs.
    """

    plan: Plan
    study: Study
    record: Record
    parent_run: str


@dataclass
class Job:
    """One attempt at something, for one worker.

    Attributes:
        assignment: what the worker is to do.
        run_id: the MLflow run that is open for it.
        what: how a person knows it: ``trial  17  units=64``.
        begun: whether the worker has said that the task has started.
        assigned, heard: when it was handed out, and when its worker last said anything
            (``time.monotonic()``).
        reported: the last report of each metric.
        overdue: why its worker was ended, where it took too long.
        doomed: why it is ended at its report, where it could only fail.
    """

    assignment: Assignment
    run_id: str
    what: str
    begun: bool = False
    assigned: float = field(default_factory=time.monotonic)
    heard: float = field(default_factory=time.monotonic)
    reported: dict[str, float] = field(default_factory=dict)
    overdue: str = ""
    doomed: str = ""


class JobSource(Protocol):
    """Hands out jobs, and decides what each end means. It alone writes to the study."""

    def n_open(self) -> int:
        """Jobs that are still to be started; 0 where none may be started any more."""
        ...

    def next(self, worker: int) -> Job | None:
        """Commit the next job, its run first; None where it has settled itself without a worker."""
        ...

    def judge(self, job: Job, report: Reported) -> tuple[bool, float | None]:
        """Whether the job is to be pruned, and the value that a person should see of the report."""
        ...

    def end(self, worker: int, job: Job, outcome: Outcome) -> None:
        """The job has ended in a state that its worker could name."""
        ...

    def put_back(self, worker: int, job: Job) -> None:
        """The job was interrupted, and its run is closed; it is to be done again."""
        ...

    def lose(self, worker: int, job: Job, cause: str) -> None:
        """The job's worker has died: close its run, and do it again, up to a limit."""
        ...

    def failure(self) -> BesomError | None:
        """Why nothing more should be started, if too much has failed."""
        ...
