"""What a sweep would do, and what it would cost, without leaving a trace of it."""

import math
from collections.abc import Iterator

from rich.console import Console

from besom.sweeping.kept_probe import keep, recall
from besom.sweeping.naming import short, show
from besom.sweeping.opening import memory_study
from besom.sweeping.plan import Plan
from besom.sweeping.probe import Probe, probe
from besom.sweeping.progress import duration
from besom.sweeping.pruners import make_pruner
from besom.sweeping.samplers import make_sampler

N_PROPOSALS = 5


def show_dry_run(plan: Plan, console: Console) -> None:
    """Space, size, first proposals; then, from a short run of the baseline, time and disk.

    The short run takes seconds; a dry run that finds one measured before does without.
    """
    for line in _lines(plan):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _lines(plan: Plan) -> Iterator[str]:
    yield from _space(plan)
    yield from plan.remarks
    yield ""
    yield from _proposals(plan)
    yield ""
    if not plan.hooks.probe:
        yield "Time and disk: unknown, since the task names no probe (see besom.task.Hooks)."
        return
    if kept := recall(plan):
        yield f"Measured by the dry run of {kept.date:%Y-%m-%d %H:%M}:"
        yield from _cost(plan, kept.probe)
        return
    yield "Timing a short run of the baseline …"
    measured = probe(plan)
    if measured is None:
        yield "It failed; run it alone to see why."
        return
    keep(plan, measured)
    yield from _cost(plan, measured)


def _space(plan: Plan) -> Iterator[str]:
    directions = ", ".join(plan.objective.directions)
    yield f"{plan.options.study_name}: {plan.objective.label}, {directions}"
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
        f"Size: {points} points; {plan.options.n_trials} trials by "
        f"{plan.options.sampler.name}, pruner {plan.options.pruner.name}"
    )


def _proposals(plan: Plan) -> Iterator[str]:
    yield "First proposals:"
    study = memory_study(plan.objective.directions)
    sampler = make_sampler(plan.options.sampler, plan.space.dimensions, 0)
    study.use(sampler, make_pruner(plan.options.pruner))
    if plan.baseline_params is not None:
        study.enqueue(plan.baseline_params, plan.outside)
    for _ in range(min(N_PROPOSALS, plan.options.n_trials)):
        row = study.ask(plan.space.distributions, plan.suggest)
        mark = "  (baseline)" if row.params == plan.baseline_params else ""
        yield f"  {row.number}  {short(row.shown)}{mark}"


def _cost(plan: Plan, measured: Probe) -> Iterator[str]:
    """An estimate as if every trial cost what the baseline costs, unpruned."""
    steps = max(1, plan.hooks.steps(plan.baseline))
    trial = steps * measured.step + measured.rest
    n_trials, n_jobs = plan.options.n_trials, plan.options.n_jobs
    n_again = _confirmations(plan)
    rounds = math.ceil((n_trials + n_again) / n_jobs)
    what = f"{n_trials} trials" + (f" and {n_again} confirmations" if n_again else "")
    yield (
        f"A worker needs {duration(measured.start)} to its first step; the baseline's "
        f"{steps} steps then take {duration(trial)}."
    )
    yield (
        f"Estimate, at the baseline's cost and unpruned: {what} on {n_jobs} workers "
        f"take {duration(measured.start + rounds * trial)} and "
        f"{(n_trials + n_again) * measured.disk / 1e6:,.0f} MB."
    )


def _confirmations(plan: Plan) -> int:
    """Trainings after the trials: the baseline and the best, each on every seed."""
    confirm = plan.options.confirm
    return (confirm.top_k + 1) * confirm.seeds if confirm.top_k else 0
