"""Runs a confirmation: trains the finalists again, judges them, records the verdict."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from rich.console import Console

from besom.common.errors import UserError
from besom.common.terminal.time_left import TimeLeft
from besom.search.objective import NoObjective
from besom.search.options import FEWEST_SEEDS
from besom.search.trial_row import RESOLVED, TrialRow
from besom.sweep.callbacks.rows import VerdictReached
from besom.sweep.confirmation.jobs import (
    ConfirmationCount,
    ConfirmationJobs,
    TrialAndSeed,
    judged_values,
    last_attempts,
    metric_of,
    why_infeasible,
)
from besom.sweep.confirmation.seeds import direction_of, judges_objective, seeds, setting
from besom.sweep.jobs import Sweep
from besom.sweep.progress import make_progress, seconds_of
from besom.sweep.summary import n_ended, ranked
from besom.sweep.supervisor import Supervisor
from besom.tracking import schema

if TYPE_CHECKING:
    from besom.sweep.confirmation.statistics import ComparisonResult


@dataclass(frozen=True)
class ConfirmationResult:
    """The result of a confirmation, as lines to print; a line is empty if there is nothing to say.

    Attributes:
        verdict: one sentence.
        champion: where the winner's model is registered, or why it is not.
    """

    verdict: str = ""
    champion: str = ""


@dataclass(frozen=True)
class Contest:
    """The values that a confirmation compares.

    ``values`` holds each finalist's metric, a number for each seed of ``seeds``; the baseline comes
    first. Seeds on which the baseline failed are left out. A trial that failed on one of the other
    seeds, or violates a constraint in the mean over these, is left out too, and named in
    ``left_out``. ``infeasible`` says of each that violates one, the baseline too, which and how.
    """

    metric: str
    direction: str
    baseline: int
    seeds: Sequence[int]
    values: Mapping[int, Sequence[float]]
    left_out: Sequence[int]
    infeasible: Mapping[int, str]


def confirm(sweep: Sweep, supervisor: Supervisor, console: Console) -> ConfirmationResult:
    """Train what is still to be trained, keep the verdict, and register the winner's model.

    Returns:
        The result; empty if no confirmation was asked for, or the trials were interrupted.
    """
    plan, study, options = sweep.plan, sweep.study, sweep.plan.options.confirm
    if not options.top_k or supervisor.stopping:
        return ConfirmationResult()
    if plan.baseline_params is None:
        return ConfirmationResult(
            "No verdict: a searched key has no value, so there is no baseline."
        )
    rows = study.rows()
    chosen = finalists(ranked(plan, rows), options.top_k)
    if not chosen:
        return ConfirmationResult(f"No verdict: {_lack(rows)}.")
    of_trials = (row.notes.get(RESOLVED, {}).get(options.seed_key) for row in rows)
    fresh = seeds(options, plan.baseline, of_trials)
    try:
        return _compare(sweep, supervisor, console, chosen, fresh)
    except NoObjective as refusal:  # no training could help
        return ConfirmationResult(f"No verdict: {refusal}.")


def finalists(ranked: Sequence[TrialRow], top_k: int) -> list[TrialRow]:
    """Return the baseline, then up to ``top_k`` others, best first; each configuration once.

    All are of today's code. The baseline is included however its trial has ended. The list is empty
    if there is no baseline, or nothing to compare it with.

    Args:
        ranked: all trials, best first, see :func:`besom.sweep.summary.ranked`.
    """
    baseline = next((row for row in ranked if row.is_baseline), None)
    if baseline is None:
        return []
    chosen = [baseline]
    for row in ranked:
        is_new = row.params not in [other.params for other in chosen]
        if row.is_eligible and is_new and len(chosen) <= top_k:
            chosen.append(row)
    return chosen if len(chosen) > 1 else []


def _lack(rows: Sequence[TrialRow]) -> str:
    """Return why there are no finalists."""
    if any(row.infeasible and row.counts and row.state == "complete" for row in rows):
        return "no trial beside the baseline is feasible"
    if all(row.counts for row in rows):
        return "no trial beside the baseline was completed"
    lack = "no trial beside the baseline" if any(row.is_baseline for row in rows) else "no baseline"
    return (
        f"{lack} was completed by today's code; more trials (hydra.sweeper.n_trials) do that, and "
        "hydra.sweeper.duplicates=reuse_any_code takes the earlier ones"
    )


def _compare(
    sweep: Sweep,
    supervisor: Supervisor,
    console: Console,
    chosen: Sequence[TrialRow],
    fresh: Sequence[int],
) -> ConfirmationResult:
    """Train each finalist on the seeds for which it has no number yet, then judge. All are trained
    seed by seed, so that an interrupted confirmation has as many seeds of each. What has failed is
    tried again: users repeat the command after they have repaired the cause."""
    wanted = [(row.number, seed) for seed in fresh for row in chosen]
    values = judged_values(sweep, wanted)
    left = [confirmed for confirmed in wanted if confirmed not in values]
    time_left = TimeLeft(sweep.plan.options.n_jobs)
    if seconds := seconds_of(chosen)["complete"]:
        time_left.know([min(seconds)])  # compiled programs are kept
    count = ConfirmationCount(len(values), len(wanted), time_left)
    with make_progress(console, count) as progress:
        supervisor.run(ConfirmationJobs(sweep, chosen, left, count, progress), progress)
    if supervisor.stopping and count.n_done < count.n_all:
        n_left = f"{count.n_all - count.n_done} of {count.n_all} confirmations"
        return ConfirmationResult(
            f"No verdict yet: {n_left} are still to be done; the same command resumes the sweep."
        )
    return _settle(_contest(sweep, chosen, fresh, judged_values(sweep, wanted)), sweep, fresh)


def _contest(
    sweep: Sweep,
    chosen: Sequence[TrialRow],
    fresh: Sequence[int],
    values: Mapping[TrialAndSeed, float],
) -> Contest:
    plan = sweep.plan
    baseline, *others = [row.number for row in chosen]
    common = [seed for seed in fresh if (baseline, seed) in values]
    whole = [number for number in others if all((number, seed) in values for seed in common)]
    judged = {number: why_infeasible(sweep, number, common) for number in (baseline, *whole)}
    infeasible = {number: why for number, why in judged.items() if why}
    compared = [number for number in whole if number not in infeasible]
    return Contest(
        metric_of(plan) or "objective",
        direction_of(plan.options.confirm, plan.objective),
        baseline,
        common,
        {number: [values[number, seed] for seed in common] for number in (baseline, *compared)},
        [number for number in others if number not in compared],
        infeasible,
    )


def _left_out(contest: Contest) -> str:
    """Return sentences that say which finalists are left out, and why; empty if none is."""
    failed = [str(number) for number in contest.left_out if number not in contest.infeasible]
    violating = [
        f"{number} ({contest.infeasible[number]})"
        for number in contest.left_out
        if number in contest.infeasible
    ]
    reasons = {"having failed on some seed": failed, "infeasible on the fresh seeds": violating}
    return "".join(
        f" Left out, {why}: trial {', '.join(those)}." for why, those in reasons.items() if those
    )


def _last_error(sweep: Sweep, numbers: Collection[int], fresh: Sequence[int]) -> str:
    """Return the last error, which a user needs to repair what failed."""
    known = last_attempts(sweep)
    rows = [known.get((number, seed)) for number in numbers for seed in fresh]
    errors = [row.notes["error"] for row in rows if row and row.notes.get("error")]
    return f" The last error: {errors[-1].splitlines()[0]}" if errors else ""


def _settle(contest: Contest, sweep: Sweep, fresh: Sequence[int]) -> ConfirmationResult:
    """Judge the contest, and keep the verdict with the sweep's own run."""
    if len(contest.seeds) < FEWEST_SEEDS:
        done = f"the baseline was trained to its end on {len(contest.seeds)} seeds."
        return ConfirmationResult(
            f"No verdict: {done}{_last_error(sweep, [contest.baseline], fresh)}"
        )
    candidates = {n: v for n, v in contest.values.items() if n != contest.baseline}
    if not candidates:
        error = _last_error(sweep, contest.left_out, fresh)
        return ConfirmationResult(
            f"No verdict: none of the best trials is left.{_left_out(contest)}{error}"
        )
    from besom.sweep.confirmation.statistics import judge  # scipy takes most of a second

    result = judge(contest.values[contest.baseline], candidates, contest.direction)
    baseline = sweep.study.row(contest.baseline)
    infeasible = baseline.infeasible or contest.infeasible.get(contest.baseline, "")
    is_objective = judges_objective(sweep.plan.options.confirm, sweep.plan.objective)
    found = _document(contest, result, "" if is_objective else contest.direction, infeasible)
    sentence, n_trials = found["sentence"], n_ended(sweep.study.rows())
    sweep.record.text(sweep.parent_run, schema.VERDICT_FILE, json.dumps(found, indent=2))
    sweep.record.log(
        sweep.parent_run,
        {
            schema.VERDICT: sentence,
            schema.SETTING: setting(sweep.plan.options.confirm),
            schema.WINNER: str(found["winner"]),
            schema.BEATS: schema.flag(result.beats),
            schema.VERDICT_TRIALS: str(n_trials),
        },
    )
    kept = {"sentence": sentence, "trials": n_trials, "code": sweep.plan.source.text}
    sweep.study.remember("verdict", kept | {"constraints": sweep.plan.constraints.texts})
    champion = _register(sweep, found["winner"], contest.seeds[0], sentence)
    sweep.callbacks.put(
        VerdictReached(
            study=sweep.study.name,
            metric=contest.metric,
            direction=contest.direction,
            winner=found["winner"],
            baseline=contest.baseline,
            beats=result.beats,
            sentence=sentence,
            seeds=tuple(contest.seeds),
            values={number: tuple(values) for number, values in contest.values.items()},
            champion=champion,
        )
    )
    return ConfirmationResult(sentence, champion)


def _register(sweep: Sweep, winner: int, seed: int, sentence: str) -> str:
    """Register the winner's model of one seed as the study's champion; return a line about it."""
    from besom.tracking.models.registry import Champion, register  # pandas, and more of MLflow

    run_id = last_attempts(sweep)[winner, seed].notes["run_id"]
    champion = Champion(sweep.study.name, winner, run_id, sentence)
    try:
        address = register(sweep.record, champion, sweep.plan.hooks.packaging)
    except UserError as error:  # the verdict stands without it
        return f"No champion is registered: {error}"
    return f"Champion: {address}, trial {winner}" if address else ""


def _document(
    contest: Contest, result: "ComparisonResult", direction: str, infeasible: str
) -> dict[str, Any]:
    """Return all numbers of a verdict, to check or to plot it.

    The baseline is the winner unless it is beaten, or is infeasible.

    Args:
        direction: named by the sentence; empty if it has no need to.
        infeasible: why the baseline cannot win; empty if it can.
    """
    sentence = result.sentence(contest.metric, direction) + _left_out(contest)
    if infeasible:
        sentence += f" The baseline is infeasible ({infeasible}) and cannot win."
    return {
        **asdict(contest),
        "challenger": result.challenger,
        "winner": result.challenger if result.beats or infeasible else contest.baseline,
        "beats": result.beats,
        "value": asdict(result.value),
        "baseline_value": asdict(result.baseline),
        "difference": asdict(result.difference),
        "sentence": sentence,
    }
