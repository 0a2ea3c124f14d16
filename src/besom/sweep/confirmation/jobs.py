"""The second part of a sweep: the finalists again, each on the same fresh seeds."""

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace

from besom.common.errors import SweepFailed
from besom.common.states import State
from besom.common.text import duration, show
from besom.search.objective import few
from besom.search.trial_row import TrialRow
from besom.sweep.confirmation.seeds import overrides, setting
from besom.sweep.confirmation.store import Confirmation, recall, remember
from besom.sweep.jobs import RUN_STATUS, Job, Sweep
from besom.sweep.plan import Plan
from besom.sweep.progress import Pace, Progress
from besom.tracking import schema
from besom.tracking.environment import Environment
from besom.workers.messages import Assignment, Outcome, Reported


class ConfirmationCount:
    """How many of the confirmations have ended."""

    def __init__(self, n_done: int, n_all: int) -> None:
        self.n_done = n_done
        self.n_all = n_all
        self._pace = Pace()

    def add(self) -> None:
        self.n_done += 1
        self._pace.step()

    def line(self) -> str:
        """``3/20 confirmations  1 min left``."""
        left = self._pace.seconds(self.n_all - self.n_done)
        return f"{self.n_done}/{self.n_all} confirmations" + (
            f"  {duration(left)} left" if left else ""
        )


class ConfirmationJobs:
    """The jobs of a confirmation.

    Args:
        finalists: the trials whose configurations are trained.
        pairs: numbers and seeds that are still to be trained, see :func:`still_open`.
    """

    def __init__(
        self,
        sweep: Sweep,
        finalists: Sequence[TrialRow],
        pairs: Sequence[tuple[int, int]],
        count: ConfirmationCount,
        progress: Progress,
    ) -> None:
        self._plan = sweep.plan
        self._study = sweep.study
        self._record = sweep.record
        self._code = sweep.plan.source.text
        self._parent_run = sweep.parent_run
        self._rows = {row.number: row for row in finalists}
        self._open = deque(pairs)
        self._running: dict[str, Confirmation] = {}  # by run
        self._count = count
        self._progress = progress
        self._setting = setting(sweep.plan.options.confirm)
        self._is_hopeless = False

    def n_open(self) -> int:
        """Confirmations that are still to be started; none where no number of theirs can count."""
        return 0 if self._is_hopeless else len(self._open)

    def next(self, worker: int) -> Job | None:
        """Commits in this order: run, its id with the study, training."""
        number, seed = self._open.popleft()
        known = recall(self._study, number, seed, self._setting)
        attempt = known.attempt + 1 if known else 1
        # One that has failed is begun afresh: its workers' deaths were counted, and are paid.
        deaths = known.deaths if known and known.state == "open" else 0
        confirmation = Confirmation(
            number, seed, attempt, setting=self._setting, deaths=deaths, code=self._code
        )
        tags = _tags(self._study.name, confirmation, worker)
        tags |= dict(Environment.here().tags) | {schema.CODE: self._code}
        name = f"{self._study.name}/{confirmation.name}"
        chosen = self._plan.options_of(self._rows[number])
        run_id = self._record.start_run(
            name, tags | schema.parameter_names_tag(chosen), self._parent_run, chosen
        )
        self._running[run_id] = confirmation = replace(confirmation, run_id=run_id)
        remember(self._study, confirmation)
        return Job(self._assignment(confirmation), run_id, confirmation.name)

    def _assignment(self, confirmation: Confirmation) -> Assignment:
        options, seed = self._plan.options.confirm, confirmation.seed
        row = self._rows[confirmation.trial]
        added = overrides(options, seed)
        folder = f"{confirmation.trial}-{options.seed_key}-{seed}-{self._setting}"
        words = (*self._plan.overrides(row), *added)
        return Assignment(confirmation.trial, confirmation.attempt, words, folder)

    def judge(self, job: Job, report: Reported) -> tuple[bool, float | None]:
        """None is pruned."""
        return False, self._plan.objective.intermediate(report.metrics)

    def end(self, worker: int, job: Job, outcome: Outcome) -> None:
        """Keep what the task returned, and the number of it that is judged.

        Where that is not among them, it will not be among the others' either: no more of them are
        started.
        """
        numbers = named(self._plan, outcome.returned, job.reported)
        self._record.log(job.run_id, numbers)
        state, value, error = self._found(outcome, numbers)
        if error and state is State.FAILED:
            self._record.text(job.run_id, schema.TRACEBACK_FILE, outcome.traceback or error)
        ended = replace(
            self._running.pop(job.run_id),
            state=state.value,
            metric=metric_of(self._plan),
            values=numbers,
            value=value,
            error=error,
        )
        self._conclude(worker, ended)

    def _found(
        self, outcome: Outcome, numbers: Mapping[str, float]
    ) -> tuple[State, float | None, str]:
        """How it ended, the number that is judged, and what is wrong."""
        if outcome.state is not State.COMPLETE:
            return State.FAILED, None, outcome.error
        try:
            value = judged(self._plan, numbers)
        except ValueError as refusal:  # its other numbers may be judged later
            self._is_hopeless = True
            return State.COMPLETE, None, str(refusal)
        if math.isfinite(value):
            return State.COMPLETE, value, ""
        return State.FAILED, None, f"{metric_of(self._plan) or 'objective'} is {value}"

    def put_back(self, worker: int, job: Job) -> None:
        """Leave it for a resume."""
        confirmation = self._running.pop(job.run_id)
        self._open.appendleft((confirmation.trial, confirmation.seed))
        self._progress.left(worker, f"{confirmation.name}  interrupted; done again on resume")

    def lose(self, worker: int, job: Job, cause: str) -> None:
        """Train it again, unless it has cost too many workers."""
        confirmation = self._running.pop(job.run_id)
        deaths = confirmation.deaths + job.begun
        confirmation = replace(confirmation, deaths=deaths)
        if deaths >= self._plan.options.max_attempts:
            error = f"{cause}, in each of {deaths} attempts"
            self._conclude(worker, replace(confirmation, state="failed", error=error))
            return
        remember(self._study, confirmation)
        self._record.kill(job.run_id, {schema.STATE: State.DEAD, schema.ERROR: cause})
        self._open.appendleft((confirmation.trial, confirmation.seed))
        self._progress.left(worker, f"{confirmation.name}  {cause}; it is tried again")

    def failure(self) -> SweepFailed | None:
        """A configuration that fails on some seed is left out of the verdict; no more than that."""
        return None

    def _conclude(self, worker: int, confirmation: Confirmation) -> None:
        """Commit: the run's last words on disk, then the study, then close the run."""
        tags = {schema.STATE: confirmation.state}
        if confirmation.error:
            tags[schema.ERROR] = confirmation.error
        status = RUN_STATUS[State(confirmation.state)]
        outcome = {"confirmation": asdict(confirmation)}
        self._record.finish(confirmation.run_id, status, tags, outcome)
        remember(self._study, confirmation)
        self._record.confirm(confirmation.run_id)
        self._count.add()
        value = "-" if confirmation.value is None else show(confirmation.value)
        line = f"{confirmation.name}  {confirmation.state:8s}  {value}  {confirmation.error}"
        self._progress.ended(worker, line.rstrip())


def still_open(
    sweep: Sweep, finalists: Sequence[TrialRow], seeds: Sequence[int]
) -> list[tuple[int, int]]:
    """Trial and seed of what has not been trained to its end, in any process, by today's code.

    What has failed is open again: a command that is given again follows a mend. Seed by
    seed, so that an interrupted confirmation has as many of each.
    """
    wanted = setting(sweep.plan.options.confirm)

    def is_done(trial: int, seed: int) -> bool:
        known = recall(sweep.study, trial, seed, wanted)
        return known is not None and known.state == "complete" and sweep.plan.counts(known.code)

    pairs = [(row.number, seed) for seed in seeds for row in finalists]
    return [pair for pair in pairs if not is_done(*pair)]


def metric_of(plan: Plan) -> str:
    """What is judged by name; empty for the plain number of a task that gives no names."""
    return plan.options.confirm.metric or (plan.objective.names or ("",))[0]


def named(
    plan: Plan, returned: Mapping[str, float], reported: Mapping[str, float]
) -> dict[str, float]:
    """A task's numbers, see :meth:`besom.search.objective.Objective.named`."""
    return plan.objective.named(returned, reported, (metric_of(plan),))


def judged(plan: Plan, values: Mapping[str, float]) -> float:
    """What is judged among a task's numbers; it may be NaN.

    Raises:
        ValueError: it is not among them; says what is.
    """
    metric = metric_of(plan)
    if metric in values:
        return values[metric]
    if not metric and len(values) == 1:
        return next(iter(values.values()))
    lacks = f"but not {metric}" if metric else "and none of them is the objective"
    raise ValueError(
        f"the task returned {few(values) or 'nothing'}, {lacks}; set "
        "hydra.sweeper.confirm.metric to one of these"
    )


def _tags(study: str, confirmation: Confirmation, worker: int) -> dict[str, str]:
    """What ties a run to the trial that it confirms."""
    return {
        schema.STUDY: study,
        schema.CONFIRMS: str(confirmation.trial),
        schema.SEED: str(confirmation.seed),
        schema.SETTING: confirmation.setting,
        schema.ATTEMPT: str(confirmation.attempt),
        schema.STATE: State.RUNNING,
        schema.ROLE: schema.Role.CONFIRMATION,
        schema.WORKER: str(worker),
    }
