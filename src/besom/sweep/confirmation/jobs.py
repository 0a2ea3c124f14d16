"""The jobs of a confirmation: each finalist on the same fresh seeds."""

import math
from collections import deque
from collections.abc import Collection, Mapping, Sequence

from besom.common.errors import SweepFailed
from besom.common.states import State
from besom.common.terminal.time_left import TimeLeft
from besom.common.text import few, show
from besom.search.objective import NoObjective, refuse_left_out
from besom.search.study import Study
from besom.search.trial_row import MEASURED, TrialRow
from besom.sweep.confirmation.seeds import overrides, setting
from besom.sweep.jobs import Job, JobSource, Sweep
from besom.sweep.plan import Plan
from besom.sweep.progress import Progress, as_left
from besom.tracking import schema
from besom.tracking.schema import Role
from besom.workers.messages import Assignment, Outcome, Reported

TrialAndSeed = tuple[int, int]
"""A confirmation: the number of a trial, and the seed on which its configuration is trained."""


class ConfirmationCount:
    """Counts the confirmations that have ended, and knows the time that is left."""

    def __init__(self, n_done: int, n_all: int, time_left: TimeLeft) -> None:
        self.n_done = n_done
        self.n_all = n_all
        self.time_left = time_left

    def add(self, worker: int | None) -> None:
        self.n_done += 1
        self.time_left.ended(worker)

    def line(self) -> str:
        """Return ``3/20 confirmations``."""
        return f"{self.n_done}/{self.n_all} confirmations"

    def left(self) -> str:
        """Return the time until all are done."""
        n_open = self.n_all - self.n_done - self.time_left.n_running
        return as_left(self.time_left.seconds(0, max(0, n_open)))


class ConfirmationJobs(JobSource):
    """The jobs of a confirmation: trials of the sweep's second study.

    Each trial notes which trial it ``confirms``, its ``seed``, the ``setting`` that it is trained
    with (see seeds.py), and in ``values``, once the task is done, all numbers that it has returned,
    so that another of them can be judged later. Constrained metrics are kept as with any trial. A
    failed trial stays as it is; a new one follows.

    Args:
        finalists: the trials whose configurations are trained.
        wanted: what is still to be trained, in this order.
    """

    def __init__(
        self,
        sweep: Sweep,
        finalists: Sequence[TrialRow],
        wanted: Sequence[TrialAndSeed],
        count: ConfirmationCount,
        progress: Progress,
    ) -> None:
        super().__init__(sweep, sweep.confirmations, progress)
        self._finalists = {row.number: row for row in finalists}
        self._wanted = deque(wanted)
        self._known = last_attempts(sweep)
        self._count = count
        self._is_hopeless = False

    @property
    def count(self) -> ConfirmationCount:
        return self._count

    def n_open(self) -> int:
        """Return how many are still to be started; 0 if none will have the number to judge."""
        return 0 if self._is_hopeless else len(self._again) + len(self._wanted)

    def next(self, worker: int) -> Job | None:
        row = self._again.popleft() if self._again else self._begin(*self._wanted.popleft())
        confirmed = self._finalists[row.notes["confirms"]]
        title = self._title(row)
        row = self._open_run(row, confirmed, title, worker)
        return Job(self._assignment(row, confirmed), row.number, row.notes["run_id"], title)

    def _begin(self, trial: int, seed: int) -> TrialRow:
        """Return the trial that an earlier process began and did not end, or a new one."""
        known = self._known.get((trial, seed))
        if known and known.state == "running":
            return known
        notes = {"role": Role.CONFIRMATION, "confirms": trial, "seed": seed}
        notes |= {"setting": setting(self._plan.options.confirm)}
        return self._study.add(notes | {"attempt": known.notes["attempt"] if known else 0})

    def _assignment(self, row: TrialRow, confirmed: TrialRow) -> Assignment:
        options, seed = self._plan.options.confirm, row.notes["seed"]
        words = (*self._plan.overrides(confirmed), *overrides(options, seed))
        folder = f"{confirmed.number}-{options.seed_key}-{seed}-{row.notes['setting']}"
        return Assignment(confirmed.number, row.notes["attempt"], words, folder)

    def judge(self, job: Job, report: Reported) -> tuple[bool, float | None]:
        """Prune no confirmation; show the objective's value."""
        return False, self._plan.objective.intermediate(report.metrics)

    def end(self, worker: int, job: Job, outcome: Outcome) -> None:
        """Keep the numbers that the task returned, and the one that is judged.

        If that one is missing, it will be missing in the other confirmations too: no more of them
        are started.
        """
        asked_for = (metric_of(self._plan),)
        numbers = self._plan.objective.named(outcome.returned, job.reported, asked_for)
        self._record.log(job.run_id, numbers)
        state, values, error = self._judged(outcome, numbers)
        notes = self._notes(job, outcome, error)
        if outcome.state is State.COMPLETE:
            metric = metric_of(self._plan)
            notes["values"] = ({metric: math.nan} if metric in outcome.left_out else {}) | numbers
            notes[MEASURED] = self._plan.constraints.measured({**job.reported, **outcome.returned})
        metrics = {**job.reported, **numbers}
        self._conclude(worker, self._stopped(job), state, values, notes, metrics)

    def _judged(
        self, outcome: Outcome, numbers: Mapping[str, float]
    ) -> tuple[State, tuple[float, ...], str]:
        """Return how a confirmation has ended, the number that is judged, and what is wrong."""
        if outcome.state is not State.COMPLETE:
            return State.FAILED, (), outcome.error
        try:
            if (metric := metric_of(self._plan)) not in numbers:
                refuse_left_out(metric, metric, outcome.left_out)
            value = judged(self._plan, numbers)
        except ValueError as refusal:
            self._is_hopeless |= isinstance(refusal, NoObjective)
            return State.FAILED, (), str(refusal)
        if math.isfinite(value):
            return State.COMPLETE, (value,), ""
        return State.FAILED, (), f"{metric_of(self._plan) or 'objective'} is {value}"

    def failure(self) -> SweepFailed | None:
        """Return None: a configuration that fails on a seed is only left out of the verdict."""
        return None

    def close(self) -> None:
        """Do nothing: each confirmation is decided as it ends."""

    def _value_names(self) -> tuple[str, ...]:
        return (metric_of(self._plan) or "objective",)

    def _title(self, row: TrialRow) -> str:
        return f"{row.notes['confirms']:03d} seed={row.notes['seed']}"

    def _words(self, row: TrialRow) -> str:
        return f"{row.notes['confirms']} --seed {row.notes['seed']}"

    def _tags(self, row: TrialRow) -> dict[str, str]:
        notes = row.notes
        return {
            schema.CONFIRMS: str(notes["confirms"]),
            schema.SEED: str(notes["seed"]),
            schema.SETTING: notes["setting"],
        }

    def _concluded(self, worker: int | None, row: TrialRow) -> None:
        self._count.add(worker)
        value = show(row.values[0]) if row.values else "-"
        line = f"{self._title(row)}  {row.state:8s}  {value}  {row.notes.get('error', '')}"
        self._progress.ended(worker, line.rstrip())


def last_attempts(sweep: Sweep) -> dict[TrialAndSeed, TrialRow]:
    """Return the last attempt at each confirmation with today's setting, except ended ones that
    other code than today's has made."""
    wanted = setting(sweep.plan.options.confirm)
    return {
        (row.notes["confirms"], row.notes["seed"]): row
        for row in sweep.confirmations.rows()
        if row.notes["setting"] == wanted
        if row.state == "running" or sweep.plan.counts(row.code)
    }


def runs_of_ended(confirmations: Study) -> dict[str, str]:
    """Return the runs of the ended confirmations by trial and seed: ``10 seed=3``."""
    return {
        f"{row.notes['confirms']} seed={row.notes['seed']}": row.notes["run_id"]
        for row in confirmations.rows()
        if row.state != "running" and "run_id" in row.notes
    }


def judged_values(sweep: Sweep, wanted: Collection[TrialAndSeed]) -> dict[TrialAndSeed, float]:
    """Return the judged numbers of the confirmations that have one.

    Raises:
        NoObjective: a task has not returned that number; says what it has returned.
    """
    values = {
        confirmed: judged(sweep.plan, row.notes["values"])
        for confirmed, row in last_attempts(sweep).items()
        if confirmed in wanted and "values" in row.notes
    }
    return {confirmed: value for confirmed, value in values.items() if math.isfinite(value)}


def why_infeasible(sweep: Sweep, trial: int, seeds: Sequence[int]) -> str:
    """Return the constraints that a trial's metrics violate in their mean over these seeds.

    A metric that none of these confirmations has does not count: the trial itself satisfied it.
    """
    known, constraints = last_attempts(sweep), sweep.plan.constraints
    notes = [known[trial, seed].notes for seed in seeds]
    numbers = [{**each["values"], **each.get(MEASURED, {})} for each in notes]
    means = {}
    for metric in constraints.metrics:
        if values := [those[metric] for those in numbers if metric in those]:
            means[metric] = sum(values) / len(values)
    return constraints.why_infeasible(means, is_complete=False)


def metric_of(plan: Plan) -> str:
    """Return the name of the judged number; empty for a task that returns a number without one."""
    return plan.options.confirm.metric or (plan.objective.names or ("",))[0]


def judged(plan: Plan, values: Mapping[str, float]) -> float:
    """Return the judged one of a task's numbers; it may be NaN.

    Raises:
        NoObjective: it is not among them; says which are.
    """
    metric = metric_of(plan)
    if metric in values:
        return values[metric]
    if not metric and len(values) == 1:
        return next(iter(values.values()))
    lacks = f"but not {metric}" if metric else "and none of them is the objective"
    raise NoObjective(
        f"the task returned {few(values) or 'nothing'}, {lacks}; set "
        "hydra.sweeper.confirm.metric to one of these"
    )
