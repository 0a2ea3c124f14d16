"""The jobs of a sweep, and the interface of the sources that the supervisor takes them from."""

import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from besom.common.errors import BesomError
from besom.common.states import State
from besom.common.terminal.commands import besom_command, record_flags
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
    """A sweep: its plan, and the studies and the record that keep its results.

    Attributes:
        confirmations: the second study; each of its trials trains a trial of ``study`` again.
        parent_run: the sweep's own run, whose children are the runs of its jobs.
        metrics: the names of the metrics that trials of this process have had, in their order.
        callbacks: the events on their way to the user's callbacks.
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
    """One attempt at a trial or a confirmation, by one worker.

    Attributes:
        assignment: what the worker is to do.
        number: the number of its trial in its source's study.
        run_id: the MLflow run that is open for it.
        label: the text at its worker's bar: ``trial  17  units=64``.
        begun, composed: whether its task has been called, and with which configuration.
        assigned_at, heard_at: when it was handed out, and when its worker's last message came
            (``time.monotonic()``).
        reported: the last report of each metric.
        overdue: why its worker was ended, if it took too long.
        missing_objective: why it is ended at a report: its result could not be judged.
        is_stopped: whether a user has asked to have it pruned.
        step, steps, value: of the last report, and the number of steps; None if not told.
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

    Only the source writes to the study. It commits a trial in this order: the trial, its run, the
    run's id on the trial; then, after the training, the run's end on disk, the trial's end, the
    run's end in MLflow. If the process is killed in between, recovery.py completes the rest.
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
        """Return how many jobs are still to be started; 0 if none may be started any more."""

    @abstractmethod
    def next(self, worker: int) -> Job | None:
        """Commit the next job, its run first; return None if it needs no worker now."""

    @abstractmethod
    def judge(self, job: Job, report: Reported) -> tuple[bool, float | None]:
        """Return whether the job is to be pruned, and which value of the report to show."""

    @abstractmethod
    def end(self, worker: int, job: Job, outcome: Outcome) -> None:
        """Settle a job that has ended complete, pruned or failed."""

    @abstractmethod
    def failure(self) -> BesomError | None:
        """Return why nothing more should be started, if too much has failed."""

    @abstractmethod
    def close(self) -> None:
        """Close the runs of jobs that are not decided; no job runs any more."""

    @abstractmethod
    def _concluded(self, worker: int | None, row: TrialRow) -> None:
        """Count and show a trial that has ended for good."""

    @abstractmethod
    def _title(self, row: TrialRow) -> str:
        """Return what a trial is called in printed lines."""

    @abstractmethod
    def _words(self, row: TrialRow) -> str:
        """Return the arguments of ``besom logs STUDY`` that select a trial."""

    @abstractmethod
    def _tags(self, row: TrialRow) -> dict[str, str]:
        """Return the tags that tie a run to its trial, beside the tags of every run."""

    def reported(self, worker: int, job: Job, report: Reported, value: float | None) -> None:
        """Show a report that has been judged and answered."""
        self._progress.reported(worker, report.step, value)
        if callbacks := self._sweep.callbacks:
            started = callbacks.started(job.run_id)
            callbacks.put(report_of(started, report.step, report.metrics, value))

    def _value_names(self) -> tuple[str, ...]:
        """Return the names of a trial's values."""
        return self._study.objective_names

    @property
    @abstractmethod
    def count(self) -> Count:
        """How many of the jobs are done."""

    @property
    def sweep(self) -> Sweep:
        """The sweep that the jobs belong to."""
        return self._sweep

    def remark(self, line: str) -> None:
        """Print a line."""
        self._progress.remark(line)

    def changed(self, job: Job) -> str:
        """Return what the study depends on and has changed by a job's end; empty if nothing has."""
        return identity_changes(self._plan)

    def source_changed(self) -> str:
        """Return which source has changed when a new worker is ready; empty if none has."""
        return source_changes(self._plan)

    def put_back(self, worker: int, job: Job, why: str = "interrupted") -> None:
        """Queue an interrupted job, whose run is closed, to be done again."""
        row = self._stopped(job)
        self._again.append(row)
        self._progress.unfinished(worker, f"{self._title(row)}  {why}; it is tried again on resume")

    def lose(self, worker: int, job: Job, cause: str) -> None:
        """Close the run of a job whose worker has died, and queue the job again, up to a limit."""
        row = self._stopped(job)
        # If a worker dies before the trial has begun, the trial is not the cause.
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
        """Return the path of a worker's log, relative if it is below the current folder."""
        file = log_file(self._plan.log_folder, worker)
        return str(file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file)

    def _name_logs(self, worker: int, row: TrialRow) -> None:
        """Print, once, where to find the output of a trial that went wrong."""
        if self._has_named_logs:
            return
        self._has_named_logs = True
        options, words = self._plan.options, (self._sweep.study.name, *self._words(row).split())
        flags = record_flags(options.root, options.tracking_uri)
        self._progress.remark(f"what it printed:  {besom_command('logs', *words, flags=flags)}")
        self._progress.remark(f"its worker:       {self.log_of(worker)}")

    def _stopped(self, job: Job) -> TrialRow:
        """Return the trial of a job that no worker has any more."""
        return self._study.row(job.number)

    def _open_run(
        self,
        row: TrialRow,
        of: TrialRow,
        name: str,
        worker: int | None = None,
        code: str | None = None,
    ) -> TrialRow:
        """Open a run for the trial's next attempt; return the trial as it is then.

        Args:
            of: the trial whose configuration it has.
            name: the run's name after the study's.
            worker: the worker that is going to train it.
            code: the source code that made its values, if it is not trained.
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
        """Return what is kept with an ended trial; give its run the traceback too."""
        notes: dict[str, Any] = {"seconds": round(outcome.seconds, 3)}
        if outcome.remark:
            notes["remark"] = outcome.remark
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
        """Commit and show an ended trial: the run's end on disk, ``tell``, the run's close.

        Args:
            metrics: the trial's last ones, for callbacks.
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
        if "remark" in notes:
            self.remark(notes["remark"])
        self._concluded(worker, row)
        if callbacks := self._sweep.callbacks:
            callbacks.put(end_of(callbacks.started(run_id), row, self._value_names(), metrics))
        if worker is not None and state is State.FAILED:
            self._name_logs(worker, row)
