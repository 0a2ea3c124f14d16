"""The jobs of a sweep as the supervisor sees them: next, told, ended, lost."""

import shlex
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from besom.common.errors import BesomError
from besom.common.states import State
from besom.common.terminal.commands import record_flags
from besom.search.study import Study
from besom.search.trial_row import TrialRow
from besom.sweep.callbacks.queue import CallbackQueue
from besom.sweep.callbacks.tell import attempt_at, end_of, report_of
from besom.sweep.identity.while_running import identity_changes, source_changes
from besom.sweep.plan import Plan
from besom.sweep.progress import Count, Progress
from besom.tracking import schema
from besom.tracking.environment import Environment
from besom.tracking.record import Record
from besom.workers.messages import Assignment, Composed, Outcome, Reported
from besom.workers.pool import log_file


@dataclass(frozen=True)
class Sweep:
    """What was asked for, and the two places where what comes of it is kept.

    Attributes:
        confirmations: the second study, each trial of which trains one of ``study`` again.
        parent_run: the sweep's own run, whose children are the runs of its jobs.
        metrics: the names of the metrics that trials of this process have had, in their order.
        callbacks: what is told to code of the user's own.
    """

    plan: Plan
    study: Study
    confirmations: Study
    record: Record
    parent_run: str
    metrics: dict[str, None] = field(default_factory=dict)
    callbacks: CallbackQueue = field(default_factory=CallbackQueue)

    @property
    def studies(self) -> tuple[Study, Study]:
        return self.study, self.confirmations


@dataclass
class Job:
    """One attempt at something, for one worker.

    Attributes:
        assignment: what the worker is to do.
        number: of its trial, in the study that has it.
        run_id: the MLflow run that is open for it.
        label: of its worker's bar: ``trial  17  units=64``.
        begun: whether its task has been called; with what, in ``composed``.
        assigned_at, heard_at: when it was handed out, and when its worker's last message came
            (``time.monotonic()``).
        reported: the last report of each metric.
        overdue: why its worker was ended, where it took too long.
        missing_objective: why it is ended at its report: no result of it could be judged.
        is_stopped: whether a person wants it pruned.
        step, steps, value: of the last report, and how many there will be; None where not told.
    """

    assignment: Assignment
    number: int
    run_id: str
    label: str
    begun: bool = False
    composed: Composed | None = None
    assigned_at: float = field(default_factory=time.monotonic)
    heard_at: float = field(default_factory=time.monotonic)
    reported: dict[str, float] = field(default_factory=dict)
    overdue: str = ""
    missing_objective: str = ""
    is_stopped: bool = False
    step: int | None = None
    steps: int | None = None
    value: float | None = None


class JobSource(ABC):
    """Hands out trials of one study as jobs, and decides what each end means.

    It alone writes to the study. A trial's life is committed in this order: the trial, its run,
    the run's id on the trial; then, after the training, the run's last words on disk, the trial's
    end, the run's end. What a kill between two of these leaves, recovery.py puts right.
    """

    def __init__(self, sweep: Sweep, study: Study, progress: Progress) -> None:
        self._sweep = sweep
        self._plan = sweep.plan
        self._record = sweep.record
        self._study = study
        self._progress = progress
        self._again: deque[TrialRow] = deque()  # begun, and to be tried again
        self._has_named_logs = False

    @abstractmethod
    def n_open(self) -> int:
        """Jobs that are still to be started; 0 where none may be started any more."""

    @abstractmethod
    def next(self, worker: int) -> Job | None:
        """Commit the next job, its run first; None where it has settled itself without a worker."""

    @abstractmethod
    def judge(self, job: Job, report: Reported) -> tuple[bool, float | None]:
        """Whether the job is to be pruned, and the value to show of the report."""

    @abstractmethod
    def end(self, worker: int, job: Job, outcome: Outcome) -> None:
        """The job has ended in a state that its worker could name."""

    @abstractmethod
    def failure(self) -> BesomError | None:
        """Why nothing more should be started, if too much has failed."""

    @abstractmethod
    def close(self) -> None:
        """No job runs any more: close the runs of those that are not decided."""

    @abstractmethod
    def _concluded(self, worker: int | None, row: TrialRow) -> None:
        """A trial has ended for good: count it, and say so."""

    @abstractmethod
    def _title(self, row: TrialRow) -> str:
        """What a trial is called in lines that are shown."""

    @abstractmethod
    def _words(self, row: TrialRow) -> str:
        """How ``besom logs STUDY`` goes on for a trial."""

    @abstractmethod
    def _tags(self, row: TrialRow) -> dict[str, str]:
        """What ties a run to its trial, beside what each run has."""

    def reported(self, worker: int, job: Job, report: Reported, value: float | None) -> None:
        """Show a report that has been judged and answered."""
        self._progress.reported(worker, report.step, value)
        if callbacks := self._sweep.callbacks:
            started = callbacks.started(job.run_id)
            callbacks.put(report_of(started, report.step, report.metrics, value))

    def _value_names(self) -> tuple[str, ...]:
        """What the values of a trial are called."""
        return self._study.objective_names

    @property
    @abstractmethod
    def count(self) -> Count:
        """How far they are."""

    @property
    def sweep(self) -> Sweep:
        """Whose jobs they are."""
        return self._sweep

    def remark(self, line: str) -> None:
        """Show a line that stays."""
        self._progress.remark(line)

    def changed(self, job: Job) -> str:
        """What the study is held to and has changed as a job ends; empty where nothing has."""
        return identity_changes(self._plan)

    def source_changed(self) -> str:
        """What of the source has changed as a new worker is ready; empty where nothing has."""
        return source_changes(self._plan)

    def put_back(self, worker: int, job: Job, why: str = "interrupted") -> None:
        """The job was interrupted, and its run is closed; it is to be done again."""
        row = self._stopped(job)
        self._again.append(row)
        self._progress.unfinished(worker, f"{self._title(row)}  {why}; it is tried again on resume")

    def lose(self, worker: int, job: Job, cause: str) -> None:
        """The job's worker has died: close its run, and do it again, up to a limit."""
        row = self._stopped(job)
        # A worker that dies before the trial has begun does not die of it.
        deaths = row.notes.get("deaths", 0) + job.begun
        if deaths >= self._plan.options.max_attempts:
            notes = {"deaths": deaths, "error": f"{cause}, in each of {deaths} attempts"}
            self._conclude(worker, row, State.FAILED, (), notes, job.reported)
            return
        self._study.note(row.number, deaths=deaths)
        self._record.kill(job.run_id, {schema.STATE: State.DEAD, schema.ERROR: cause})
        self._again.append(self._study.row(row.number))
        self._progress.unfinished(worker, f"{self._title(row)}  {cause}; it is tried again")
        self._name_logs(worker, row)

    def log_of(self, worker: int) -> str:
        """Where a worker keeps what it prints, from this folder if it is below."""
        file = log_file(self._plan.log_folder, worker)
        return str(file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file)

    def _name_logs(self, worker: int, row: TrialRow) -> None:
        """Say, once, where it stands what a trial that went wrong has printed."""
        if self._has_named_logs:
            return
        self._has_named_logs = True
        options, study = self._plan.options, shlex.quote(self._sweep.study.name)
        flags = record_flags(options.root, options.tracking_uri)
        self._progress.remark(f"what it printed:  besom logs {study} {self._words(row)}{flags}")
        self._progress.remark(f"its worker:       {self.log_of(worker)}")

    def _stopped(self, job: Job) -> TrialRow:
        """The trial of a job that no worker has any more."""
        return self._study.row(job.number)

    def _open_run(
        self,
        row: TrialRow,
        of: TrialRow,
        name: str,
        worker: int | None = None,
        code: str | None = None,
    ) -> TrialRow:
        """The trial, whose next attempt has a run now.

        Args:
            of: the trial whose configuration it has.
            name: of the run, after the study's.
            worker: that is going to train it.
            code: that has made its values, where it is not trained.
        """
        attempt, chosen = row.notes.get("attempt", 0) + 1, self._plan.options_of(of)
        code = self._plan.source.text if code is None else code
        study = self._sweep.study.name
        tags = {
            **Environment.here().tags,
            **self._tags(row),
            **schema.parameter_names_tag(chosen),
            schema.STUDY: study,
            schema.ATTEMPT: str(attempt),
            schema.STATE: State.RUNNING,
            schema.ROLE: row.role,
            schema.CODE: code,
        }
        if worker is not None:
            tags[schema.WORKER] = str(worker)
        run_id = self._record.start_run(f"{study}/{name}", tags, self._sweep.parent_run, chosen)
        self._study.note(row.number, attempt=attempt, run_id=run_id, code=code)
        row = self._study.row(row.number)
        if self._sweep.callbacks:
            self._sweep.callbacks.put(attempt_at(study, row, of, worker))
        return row

    def _notes(self, job: Job, outcome: Outcome, error: str) -> dict[str, Any]:
        """What is kept with a trial that has ended; its run has the traceback too."""
        notes: dict[str, Any] = {"seconds": round(outcome.seconds, 3)}
        if error:
            notes |= {"error": error, "traceback": outcome.traceback or error}
            self._record.text(job.run_id, schema.TRACEBACK_FILE, notes["traceback"])
        return notes

    def _conclude(
        self,
        worker: int | None,
        row: TrialRow,
        state: State,
        values: tuple[float, ...],
        notes: Mapping[str, Any],
        metrics: Mapping[str, float],
    ) -> None:
        """Commit an ended trial: the run's last words on disk, then ``tell``, then close it.

        Args:
            metrics: its last ones, for callbacks.
        """
        run_id, tags = row.notes["run_id"], {schema.STATE: state.value}
        if "error" in notes:
            tags[schema.ERROR] = notes["error"]
        outcome = {
            "trial": row.number,
            "state": state.value,
            "values": values,
            "notes": notes,
            "reports": list(self._study.reports(row.number).items()),
        }
        self._record.prepare_end(run_id, schema.RUN_STATUS[state], tags, outcome)
        self._study.tell(row.number, state, values, notes)
        self._record.end_run(run_id)
        row = self._study.row(row.number)
        self._concluded(worker, row)
        if callbacks := self._sweep.callbacks:
            started = callbacks.started(run_id)
            callbacks.put(end_of(started, row, self._value_names(), metrics))
        if worker is not None and state is State.FAILED:
            self._name_logs(worker, row)
