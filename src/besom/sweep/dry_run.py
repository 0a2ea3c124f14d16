"""``--dry-run``: says what a sweep would do and cost, and writes nothing."""

import json
import math
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from rich.console import Console

from besom.common.flatten import short_text
from besom.common.states import State
from besom.common.text import duration, show
from besom.search.algorithms.pruners import make_pruner
from besom.search.algorithms.samplers import make_sampler
from besom.search.storage.database import existing_study, memory_study
from besom.search.trial_row import TrialRow
from besom.search.warm_start.imported_trials import best_points, bring_in, imported
from besom.sweep.confirmation.seeds import n_trainings
from besom.sweep.identity.fingerprint import describes, other_configurations
from besom.sweep.opening import counted, ends_early
from besom.sweep.plan import Plan, pool_of
from besom.workers.messages import (
    Assignment,
    Outcome,
    Ready,
    Reported,
    ReportReply,
    Told,
    WorkerExited,
)
from besom.workers.pool import Pool

EXHAUSTIVE = ("grid", "bruteforce")
"""Samplers that propose each point once, and then no more."""
N_PROPOSALS = 5
MAX_PROBE_SECONDS = 600


@dataclass
class Probe:
    """The times and disk space of a short run.

    Attributes:
        start: seconds until a worker has started and computed its first step.
        step: seconds of each further step.
        rest: seconds of a trial outside its steps: composing, building, evaluating, saving.
        disk: bytes that a trial leaves; saved files are kept twice, in job folder and record.
    """

    start: float
    step: float
    rest: float
    disk: int


def show_dry_run(plan: Plan, storage: str, console: Console) -> None:
    """Print the space, its size and the first proposals, then an estimate of the time.

    The estimate uses the time of the baseline's trial in this study. If there is none, a short run
    of the baseline, which takes seconds, measures time and disk space.
    """
    for line in _lines(plan, storage):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _lines(plan: Plan, storage: str) -> Iterator[str]:
    yield from _space(plan)
    yield from other_configurations(plan)
    yield from plan.remarks
    yield ""
    yield from _proposals(plan)
    yield ""
    rows = _rows(plan, storage)
    n_left = _n_left(plan, rows)
    if not n_left + n_trainings(plan.options.confirm):
        yield "No trial remains."
        return
    if (seconds := _baseline_seconds(plan, rows)) is not None:
        yield f"The baseline took {duration(seconds)} in this study."
        yield f"{_estimate(plan, n_left, seconds)}."
        return
    if not plan.hooks.probe:
        yield "Time and disk: unknown, since the task names no probe (see besom.app.hooks.Hooks)."
        return
    yield "Timing a short run of the baseline …"
    measured = probe(plan)
    if measured is None:
        yield "It failed; run it alone to see why."
        return
    yield from _cost(plan, n_left, measured)


def _space(plan: Plan) -> Iterator[str]:
    yield f"{plan.options.study_name}: {plan.objective.described}"
    baseline = {**(plan.baseline_params or {}), **(plan.outside or {})}
    keys = max((len(d.key) for d in plan.space.dimensions), default=0)
    texts = max((len(d.text) for d in plan.space.dimensions), default=0)
    for dimension in plan.space.dimensions:
        known = dimension.key in baseline
        at = f"baseline {show(baseline[dimension.key])}" if known else ""
        yield f"  {dimension.key:{keys}}  {dimension.text:{texts}}  {at}".rstrip()
    if plan.suggest is not None:
        yield f"  and what {plan.options.custom_search_space} suggests"
    points = "infinitely many" if math.isinf(plan.space.size) else f"{plan.space.size:,.0f}"
    yield (
        f"Size: {points} points; {counted(_n_left(plan, ()), 'trial')} by "
        f"{plan.options.sampler.name}, pruner {plan.options.pruner.name}"
    )
    if plan.constraints:
        yield f"Feasible: {plan.constraints}"
    if early := ends_early(plan.options):
        yield f"Ends early {early}"
    if each := str(plan.resources):
        yield f"Workers: {plan.options.n_jobs}, each with {each}"


def _proposals(plan: Plan) -> Iterator[str]:
    yield "First proposals:"
    study = memory_study(plan.objective.directions)
    bring_in(study, replace(plan.warm_start, unread=""))  # else an error: it has none yet
    known = imported(study)
    sampler = make_sampler(plan.options.sampler, plan.space.dimensions, 0, known)
    study.use(sampler, make_pruner(plan.options.pruner))
    if plan.baseline_params is not None:
        study.enqueue(plan.baseline_params, plan.outside)
    best = best_points(study, plan.warm_start.n_best, plan.baseline_params)
    study.enqueue_once((*plan.enqueued, *best))
    for _ in range(min(N_PROPOSALS, plan.options.n_trials)):
        if study.exhausted:
            return
        row = study.ask(plan.space.distributions, plan.suggest)
        mark = "  (enqueued)" if "enqueued" in row.notes else ""
        mark = "  (baseline)" if row.params == plan.baseline_params else mark
        yield f"  {row.number}  {short_text(row.shown)}{mark}"


def _rows(plan: Plan, storage: str) -> Sequence[TrialRow]:
    """Return the trials of the existing study; none if it is about something else."""
    study = existing_study(plan.options.study_name, storage)
    if study is None:
        return ()
    with closing(study):
        return study.rows() if describes(study, plan) else ()


def _baseline_seconds(plan: Plan, rows: Sequence[TrialRow]) -> float | None:
    """Return the seconds of the baseline's trial; None if this study has not completed it."""
    for row in rows:
        is_baseline = row.params == plan.baseline_params and row.outside == plan.outside
        if is_baseline and row.state == "complete" and "seconds" in row.notes:
            return float(row.notes["seconds"])
    return None


def _n_left(plan: Plan, rows: Sequence[TrialRow]) -> int:
    """Return how many trials are still to be trained, including those that have begun. A sampler of
    every point ends with the last one; how many ``custom_search_space`` adds is not known."""
    n_begun = sum(row.state == "running" for row in rows)
    n_fresh = plan.options.n_trials - len(rows)
    if plan.options.sampler.name in EXHAUSTIVE and plan.suggest is None:
        known = [row for row in rows if row.state == "running" or plan.counts(row.code)]
        had = {json.dumps(row.shown, sort_keys=True) for row in known}
        n_points = int(plan.space.size) + (plan.outside is not None)
        n_fresh = min(n_fresh, n_points - len(had))
    return n_begun + max(0, n_fresh)


def _cost(plan: Plan, n_left: int, measured: Probe) -> Iterator[str]:
    steps = max(1, plan.hooks.steps(plan.baseline))
    trial = steps * measured.step + measured.rest
    disk = (n_left + n_trainings(plan.options.confirm)) * measured.disk
    yield (
        f"A worker needs {duration(measured.start)} to its first step; the baseline's "
        f"{steps} steps then take {duration(trial)}."
    )
    yield f"{_estimate(plan, n_left, trial, measured.start)} and {disk / 1e6:,.0f} MB."


def _estimate(plan: Plan, n_left: int, trial: float, start: float = 0.0) -> str:
    """Return a sentence with the time, as if every trial took as long as the unpruned baseline."""
    n_jobs, n_again = plan.options.n_jobs, n_trainings(plan.options.confirm)
    rounds = math.ceil((n_left + n_again) / n_jobs)
    parts = ((n_left, "trial"), (n_again, "confirmation"))
    what = " and ".join(counted(number, one) for number, one in parts if number)
    workers = "1 worker" if n_jobs == 1 else f"{n_jobs} workers"
    return (
        f"Estimate, at the baseline's cost and unpruned: {what} on {workers} "
        f"take {duration(start + rounds * trial)}"
    )


@dataclass
class _Watch:
    """Times of a run's reports, in seconds since its start, and its saved files."""

    began: float = field(default_factory=time.monotonic)
    reports: list[float] = field(default_factory=list)
    saved: list[Path] = field(default_factory=list)

    def now(self) -> float:
        return time.monotonic() - self.began


def probe(plan: Plan) -> Probe | None:
    """Run the baseline with the task's probe overrides; return None if it fails or is too slow."""
    with tempfile.TemporaryDirectory(prefix="besom-probe-") as folder:
        overrides = (*plan.baseline_words, *plan.hooks.probe)
        application = replace(plan.application, folder=folder)
        pool = pool_of(plan, application, Path(folder, "workers"))
        try:
            pool.connect()
            return _watch(pool, Assignment(0, 1, overrides), Path(folder))
        finally:
            pool.stop()


def _watch(pool: Pool, assignment: Assignment, folder: Path) -> Probe | None:
    watch = _Watch()
    pool.start(0)
    while watch.now() < MAX_PROBE_SECONDS:
        event = pool.next_event(1.0)
        match event.message if event else None:
            case Ready():
                pool.send(0, assignment)
            case Reported():
                watch.reports.append(watch.now())
                pool.send(0, ReportReply.CONTINUE)
            case Told("save", (path,)):
                watch.saved.append(path)
            case Told("save_model", (model,)):
                watch.saved.append(model.path)
            case WorkerExited():
                return None
            case Outcome(state=state):
                return _measured(watch, folder) if state is State.COMPLETE else None
    return None


def _measured(watch: _Watch, folder: Path) -> Probe:
    end = watch.now()
    first = watch.reports[0] if watch.reports else end
    last = watch.reports[-1] if watch.reports else end
    step = (last - first) / (len(watch.reports) - 1) if len(watch.reports) > 1 else 0.0
    kept = sum(path.stat().st_size for path in watch.saved if path.is_file())
    left = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return Probe(start=first, step=step, rest=end - last, disk=kept + left)
