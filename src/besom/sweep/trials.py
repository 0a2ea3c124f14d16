"""The source of a sweep's trials: proposes, prunes and retries them, and reuses equal results."""

import math
import time
from dataclasses import replace

from besom.common.errors import BesomError
from besom.common.states import State
from besom.common.text import printable
from besom.search.algorithms.samplers import as_chosen
from besom.search.duplicates import Duplicates
from besom.search.feasibility import refuse_unknown
from besom.search.objective import NoObjective, ReportedObjective
from besom.search.stopping.rules import holding_rule
from besom.search.trial_row import MEASURED, RESOLVED, TrialRow
from besom.sweep.identity.composed_values import note_options, original_of, resolved_of
from besom.sweep.jobs import Job, JobSource, Sweep
from besom.sweep.parent_run import name_objective
from besom.sweep.progress import Progress, Tally, describe
from besom.sweep.retention.models import KeptModels
from besom.sweep.steering.failures import none_but_failed, too_many_failed
from besom.sweep.steering.held_back import HeldBack, Result
from besom.sweep.steering.n_trials import remember_n_trials
from besom.tracking import schema
from besom.workers.messages import Assignment, Outcome, Reported


class TrialJobs(JobSource):
    """The jobs of a sweep's first part: as many trials as ``n_trials`` says.

    Args:
        unfinished: trials that an earlier process began.
        models: deletes the models of beaten trials as trials end.
    """

    def __init__(
        self,
        sweep: Sweep,
        tally: Tally,
        progress: Progress,
        unfinished: list[TrialRow],
        models: KeptModels,
    ) -> None:
        super().__init__(sweep, sweep.study, progress)
        self._tally = tally
        self._again.extend(unfinished)
        rows = self._study.rows()
        self._models = models
        self._duplicates = Duplicates(rows)
        self._n_proposed = len(rows)
        self._has_baseline = any(row.is_baseline for row in rows)
        self._n_failed = 0  # in this process only: a resume starts from 0
        self._objective = ReportedObjective(self._plan.objective, self._plan.options.pruner.name)
        self._held_back = HeldBack(self._plan.constraints, self._plan.options.max_failure_rate)
        for row in rows:
            self._held_back.learn(row)
        timeout = self._plan.options.timeout
        self._deadline = math.inf if timeout is None else time.monotonic() + timeout
        tally.time_left.deadline = self._deadline
        self._holding_rule = self._look_at_rules()

    def n_open(self) -> int:
        """Return how many trials are still to be started; no new ones while results are held."""
        if self._holding_rule or self._is_late:
            return 0
        return len(self._again) if self._held_back.results else self._n_left

    @property
    def count(self) -> Tally:
        return self._tally

    @property
    def is_closed(self) -> bool:
        """Whether no trial is started any more, whatever ``n_trials`` is."""
        return bool(self._holding_rule) or self._is_late or bool(self._study.exhausted)

    @property
    def _is_late(self) -> bool:
        return time.monotonic() > self._deadline

    @property
    def _n_left(self) -> int:
        """Trials that are still to be done, besides those that run."""
        return len(self._again) + self.n_fresh

    @property
    def n_begun(self) -> int:
        """Trials that have begun; points that wait for one are not counted."""
        return self._n_proposed

    @property
    def n_fresh(self) -> int:
        """Trials that have not begun."""
        fresh = 0 if self._study.exhausted else self._plan.options.n_trials - self._n_proposed
        return max(0, fresh)

    def set_n_trials(self, n_trials: int) -> None:
        """Change the number of trials in all, also for a resume."""
        remember_n_trials(self._study, self._plan.options, n_trials)
        self._tally.set_n_trials(n_trials)

    def _look_at_rules(self) -> str:
        """Return the rule of ``hydra.sweeper.stop`` that holds; empty if none does."""
        searched = self._plan.space.distributions.keys()
        return holding_rule(self._plan.options.stop, self._study, searched)

    def ended_by(self) -> str:
        """Return why no more trials are started."""
        options = self._plan.options
        if self._holding_rule:
            return self._holding_rule
        if self._n_left and self._is_late:
            return f"hydra.sweeper.timeout={options.timeout:g} s"
        if self._study.exhausted:
            return f"{as_chosen(options.sampler)}: {self._study.exhausted}"
        return f"hydra.sweeper.n_trials={options.n_trials}: all are done"

    def next(self, worker: int) -> Job | None:
        """Return the next trial's job; None if the trial repeats another."""
        row = self._next_row()
        if self._is_repeat(row):
            return None
        label = row.label
        row = self._open_run(row, row, f"{row.number:03d} {label}", worker)
        self._duplicates.began(row)
        self._held_back.began()
        is_stopped = bool(row.notes.get("stopped"))
        assignment = Assignment(row.number, row.notes["attempt"], self._plan.overrides(row))
        title = printable(f"{self._title(row)}  {label}")
        return Job(assignment, row.number, row.notes["run_id"], title, is_stopped=is_stopped)

    def judge(self, job: Job, report: Reported) -> tuple[bool, float | None]:
        """Ask the pruner; a user's request to stop the trial counts as its decision."""
        value = self._objective.value(report.metrics)
        if value is None:
            job.missing_objective = "" if self._held_back.n_judged else self._held_back.missing
            return bool(job.missing_objective) or job.is_stopped, None
        return self._study.report(job.number, report.step, value) or job.is_stopped, value

    def end(self, worker: int, job: Job, outcome: Outcome) -> None:
        """Tell the study of a trial that is complete, pruned or failed, or hold its result back."""
        values: tuple[float, ...] = ()
        if outcome.state is State.PRUNED and job.missing_objective:
            outcome = replace(outcome, state=State.FAILED, error=job.missing_objective)
        try:
            if outcome.state is State.COMPLETE:
                values = self._values(job, outcome)
        except ValueError as refusal:
            outcome = replace(outcome, state=State.FAILED, error=str(refusal))
            if isinstance(refusal, NoObjective) and self._hold(Result(worker, job, outcome)):
                return
        self._finish(worker, job, outcome, values)

    def _hold(self, result: Result) -> bool:
        """Hold a result back if it is not clear yet how to treat it; return whether it was."""
        if not self._held_back.hold(result):
            return False
        self._settle()
        if self._held_back.results:
            line = f"{result.job.label}  {result.outcome.error}; it waits for the trials beside it"
            self._progress.unfinished(result.worker, line)
        return True

    def _finish(
        self, worker: int, job: Job, outcome: Outcome, values: tuple[float, ...] = ()
    ) -> None:
        """Tell the study how a trial has ended; ``values`` are those of a complete one."""
        row = self._stopped(job)
        if not job.begun:  # no configuration was sent
            self._record.params(job.run_id, row.shown)
        self._sweep.metrics.update(dict.fromkeys(self._record.metric_names(job.run_id)))
        notes = self._notes(job, outcome, outcome.error)
        if found := resolved_of(self._plan, job.composed):
            notes[RESOLVED] = found
        if measured := self._plan.constraints.measured(self._numbers(job, outcome)):
            notes[MEASURED] = measured
        metrics = {**job.reported, **outcome.returned}
        self._conclude(worker, row, outcome.state, values, notes, metrics)
        is_complete = outcome.state is State.COMPLETE
        if is_complete and (warning := self._objective.ended(outcome.returned)):
            self._progress.remark(warning)

    def _settle(self) -> None:
        """Fail held-back trials, or leave them for a resume with the objective's right name."""
        for result in self._held_back.settled(len(self._again)):
            worker, job, why = result.worker, result.job, result.outcome.error
            if self._held_back.failure():
                tags = {schema.STATE: State.INTERRUPTED, schema.ERROR: why}
                self._record.kill(job.run_id, tags)
                self.put_back(worker, job, why)
            else:
                self._finish(worker, job, result.outcome)

    def close(self) -> None:
        """Leave held-back trials for a resume."""
        for result in self._held_back.results:
            self._record.kill(result.job.run_id, {schema.STATE: State.INTERRUPTED})

    def _values(self, job: Job, outcome: Outcome) -> tuple[float, ...]:
        """Log all numbers of a complete trial, and return those that are judged."""
        numbers = self._numbers(job, outcome)
        self._record.log(job.run_id, numbers)
        judged = self._plan.objective.named(outcome.returned, job.reported)
        values = self._plan.objective.values(judged, outcome.left_out)
        refuse_unknown(self._plan.constraints, numbers, outcome.left_out)
        name_objective(self._sweep, judged)
        return values

    def _numbers(self, job: Job, outcome: Outcome) -> dict[str, float]:
        """Return the numbers that the task returned, and the judged ones that it reported."""
        constrained = self._plan.constraints.metrics
        return self._plan.objective.named(outcome.returned, job.reported, constrained)

    def failure(self) -> BesomError | None:
        """Return why the sweep ends, if more failed than ``max_failure_rate`` allows, or all."""
        options = self._plan.options
        if failure := self._held_back.failure():
            return failure
        if self._n_failed > options.max_failure_rate * options.n_trials:
            return too_many_failed(self._n_failed, options, self._study.rows())
        return None if self.n_open() else none_but_failed(self._study.rows())

    def _next_row(self) -> TrialRow:
        """Return a trial to be tried again, or a new proposal with its role."""
        again = self._again.popleft() if self._again else None
        if again and "role" in again.notes:
            return again
        if again is None:
            self._n_proposed += 1
        # The role is noted last: a trial without one was cut short while it was proposed.
        unasked = again.number if again else None
        for sentence in self._study.leave_out_unfit(self._plan.space.distributions):
            self._progress.remark(sentence)
        with self._study.transaction():
            row = self._study.ask(self._plan.space.distributions, self._plan.suggest, unasked)
            is_it = row.outside is not None or row.params == self._plan.baseline_params
            role = "baseline" if is_it and not self._has_baseline else "trial"
            self._study.note(row.number, role=role)
        self._has_baseline |= role == "baseline"
        return self._study.row(row.number)

    def _is_repeat(self, row: TrialRow) -> bool:
        """Return whether an equal configuration has been trained, or is being trained.

        If so, this trial takes over its value, now or when it is known.
        """
        if self._plan.options.duplicates == "rerun":
            return False
        complete = self._duplicates.complete(row)
        if original := original_of(self._plan, row, complete):
            self._reuse(row, original)
            return True
        return not complete and self._duplicates.wait(row)

    def _reuse(self, row: TrialRow, original: TrialRow) -> None:
        """End a trial that repeats a finished configuration, with the value of that one."""
        name = f"{row.number:03d} {row.label}"
        row = self._open_run(row, row, name, code=original.code)
        values = dict(zip(self._study.objective_names, original.values, strict=True))
        measured = original.notes.get(MEASURED, {})
        known = {**measured, **values}
        self._record.reuse(row.notes["run_id"], original.notes["run_id"], row.shown, known)
        kept = {key: original.notes[key] for key in (MEASURED, RESOLVED) if key in original.notes}
        notes = {"reused": original.number, **kept}
        self._conclude(None, row, State.COMPLETE, original.values, notes, values)

    def changed(self, job: Job) -> str:
        """Return the same, or the values by which an option differs from an earlier trial."""
        row = self._study.row(job.number)
        return super().changed(job) or note_options(self._plan, self._study, row, job.composed)

    def _title(self, row: TrialRow) -> str:
        return f"trial {row.number:3d}"

    def _words(self, row: TrialRow) -> str:
        return str(row.number)

    def _tags(self, row: TrialRow) -> dict[str, str]:
        return {schema.TRIAL: str(row.number)}

    def _stopped(self, job: Job) -> TrialRow:
        row = super()._stopped(job)
        self._duplicates.stopped(row)
        self._held_back.stopped()
        return row

    def _concluded(self, worker: int | None, row: TrialRow) -> None:
        self._duplicates.learn(row)
        self._again.extend(self._duplicates.release(row))
        self._n_failed += row.state == "failed" and row.outside is None
        self._held_back.learn(row)
        if not self._holding_rule and row.state != "failed":
            self._holding_rule = self._look_at_rules()
        self._tally.add(row, worker)
        self._progress.ended(worker, describe(row))
        self._models.look()
        self._settle()
