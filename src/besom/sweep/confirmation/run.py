"""From the best trial to an answer: train the finalists again, judge them, keep the verdict."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from rich.console import Console

from besom.common.errors import UserError
from besom.search.options import FEWEST_SEEDS
from besom.search.trial_row import TrialRow
from besom.sweep.confirmation.finalists import finalists
from besom.sweep.confirmation.jobs import (
    ConfirmationCount,
    ConfirmationJobs,
    judged,
    metric_of,
    still_open,
)
from besom.sweep.confirmation.seeds import seeds, setting
from besom.sweep.confirmation.store import Confirmation, recall
from besom.sweep.jobs import Sweep
from besom.sweep.progress import make_progress
from besom.sweep.summary import n_ended, ranked
from besom.sweep.supervisor import Supervisor
from besom.tracking import schema

if TYPE_CHECKING:
    from besom.sweep.confirmation.statistics import Verdict


@dataclass(frozen=True)
class Answer:
    """What a confirmation has found, for a person to read; empty lines where it has nothing.

    Attributes:
        verdict: one sentence.
        champion: where the winner's model is, or why it is nowhere.
    """

    verdict: str = ""
    champion: str = ""


@dataclass(frozen=True)
class Contest:
    """Who has been trained on which seeds, and what came of it.

    ``values`` holds each finalist's metric, a number for each seed of ``seeds``; the baseline's is
    the first. Seeds on which the baseline failed are left out, and so is a trial that failed on
    one of the others; it is named in ``left_out``.
    """

    metric: str
    direction: str
    baseline: int
    seeds: Sequence[int]
    values: Mapping[int, Sequence[float]]
    left_out: Sequence[int]


def confirm(sweep: Sweep, supervisor: Supervisor, console: Console) -> Answer:
    """Train what is still to be trained, keep the verdict, and register the winner's model.

    Returns:
        What came of it; empty where nothing was asked for, or the trials were interrupted.
    """
    plan, study, options = sweep.plan, sweep.study, sweep.plan.options.confirm
    if not options.top_k or supervisor.stopping:
        return Answer()
    if plan.baseline_params is None:
        return Answer("No verdict: a searched key has no value, so there is no baseline.")
    rows = study.rows()
    chosen = finalists(ranked(plan, rows), options.top_k)
    if not chosen:
        return Answer(f"No verdict: {_lack(rows)}.")
    fresh = seeds(options, plan.baseline)
    if why := _unjudgeable(sweep, chosen, fresh):
        return Answer(f"No verdict: {why}.")
    pairs = still_open(sweep, chosen, fresh)
    n_all = len(chosen) * len(fresh)
    count = ConfirmationCount(n_all - len(pairs), n_all)
    with make_progress(console, count) as progress:
        supervisor.run(ConfirmationJobs(sweep, chosen, pairs, count, progress), progress)
    if supervisor.stopping:
        left = f"{count.n_all - count.n_done} of {n_all} confirmations are still to be done"
        return Answer(f"No verdict yet: {left}; the same command goes on.")
    if why := _unjudgeable(sweep, chosen, fresh):
        return Answer(f"No verdict: {why}.")
    return _settle(_contest(sweep, chosen, fresh), sweep, fresh)


def _lack(rows: Sequence[TrialRow]) -> str:
    """Why there are no finalists."""
    if all(row.counts for row in rows):
        return "no trial beside the baseline was completed"
    who = "no trial beside the baseline" if any(row.is_baseline for row in rows) else "no baseline"
    return (
        f"{who} was completed by today's code; more trials (hydra.sweeper.n_trials) do that, and "
        "hydra.sweeper.duplicates=reuse_any_code takes the earlier ones"
    )


def _unjudgeable(sweep: Sweep, chosen: Sequence[TrialRow], fresh: Sequence[int]) -> str:
    """Why no training could help: what is judged is not among what the task returns."""
    for row in chosen:
        for known in _known(sweep, row.number, fresh):
            try:
                if known.state == "complete":
                    judged(sweep.plan, known.values)
            except ValueError as refusal:
                return str(refusal)
    return ""


def _contest(sweep: Sweep, chosen: Sequence[TrialRow], fresh: Sequence[int]) -> Contest:
    plan = sweep.plan
    baseline, *others = [row.number for row in chosen]
    found = {row.number: _values(sweep, row.number, fresh) for row in chosen}
    common = [seed for seed in fresh if seed in found[baseline]]
    whole = [number for number in others if found[number].keys() >= set(common)]
    options = plan.options.confirm
    return Contest(
        metric_of(plan) or "objective",
        options.direction or plan.objective.directions[0],
        baseline,
        common,
        {number: [found[number][seed] for seed in common] for number in (baseline, *whole)},
        [number for number in others if number not in whole],
    )


def _values(sweep: Sweep, number: int, fresh: Sequence[int]) -> dict[int, float]:
    """What is judged of a trial's confirmations, by seed; those without a number are missing."""
    complete = (one for one in _known(sweep, number, fresh) if one.state == "complete")
    values = {one.seed: judged(sweep.plan, one.values) for one in complete}
    return {seed: value for seed, value in values.items() if math.isfinite(value)}


def _known(sweep: Sweep, number: int, fresh: Sequence[int]) -> list[Confirmation]:
    """A trial's confirmations that were trained with what is asked for now, by today's code."""
    wanted = setting(sweep.plan.options.confirm)
    known = (recall(sweep.study, number, seed, wanted) for seed in fresh)
    return [one for one in known if one and sweep.plan.counts(one.code)]


def _last_error(sweep: Sweep, numbers: Sequence[int], fresh: Sequence[int]) -> str:
    """What a person needs to mend what failed."""
    known = [one for number in numbers for one in _known(sweep, number, fresh)]
    errors = [one.error.splitlines()[0] for one in known if one.state == "failed" and one.error]
    return f" The last error: {errors[-1]}" if errors else ""


def _settle(contest: Contest, sweep: Sweep, fresh: Sequence[int]) -> Answer:
    """Judge, and keep the verdict with the sweep's own run."""
    if len(contest.seeds) < FEWEST_SEEDS:
        done = f"the baseline was trained to its end on {len(contest.seeds)} seeds."
        return Answer(f"No verdict: {done}{_last_error(sweep, [contest.baseline], fresh)}")
    candidates = {n: v for n, v in contest.values.items() if n != contest.baseline}
    if not candidates:
        error = _last_error(sweep, contest.left_out, fresh)
        return Answer(f"No verdict: each of the best trials failed on some seed.{error}")
    from besom.sweep.confirmation.statistics import judge  # scipy takes most of a second

    verdict = judge(contest.values[contest.baseline], candidates, contest.direction)
    sentence = _sentence(contest, verdict)
    document = json.dumps(_document(contest, verdict), indent=2)
    n_trials = n_ended(sweep.study.rows())
    sweep.record.text(sweep.parent_run, schema.VERDICT_FILE, document)
    sweep.record.log(
        sweep.parent_run,
        {
            schema.VERDICT: sentence,
            schema.SETTING: setting(sweep.plan.options.confirm),
            schema.WINNER: str(_winner(contest, verdict)),
            schema.BEATS: schema.flag(verdict.beats),
            schema.VERDICT_TRIALS: str(n_trials),
        },
    )
    code = sweep.plan.source.text
    sweep.study.remember("verdict", {"sentence": sentence, "trials": n_trials, "code": code})
    return Answer(sentence, _register(contest, verdict, sweep))


def _register(contest: Contest, verdict: "Verdict", sweep: Sweep) -> str:
    """Make the winner's model of the first seed the study's champion."""
    from besom.tracking.models.registry import Champion, register  # pandas, and more of MLflow

    number = _winner(contest, verdict)
    wanted = setting(sweep.plan.options.confirm)
    confirmation = recall(sweep.study, number, contest.seeds[0], wanted)
    assert confirmation is not None
    sentence = _sentence(contest, verdict)
    champion = Champion(sweep.study.name, number, confirmation.run_id, sentence)
    try:
        address = register(sweep.record, champion, sweep.plan.hooks.packaging)
    except UserError as error:  # the verdict stands without it
        return f"No champion is registered: {error}"
    return f"Champion: {address}, trial {number}" if address else ""


def _sentence(contest: Contest, verdict: "Verdict") -> str:
    """The verdict, and who could not take part in it."""
    sentence = verdict.sentence(contest.metric)
    if not contest.left_out:
        return sentence
    who = ", ".join(map(str, contest.left_out))
    return f"{sentence} Left out, having failed on some seed: trial {who}."


def _winner(contest: Contest, verdict: "Verdict") -> int:
    """The baseline keeps its place unless it is beaten."""
    return verdict.challenger if verdict.beats else contest.baseline


def _document(contest: Contest, verdict: "Verdict") -> dict[str, Any]:
    """All numbers of a verdict, to check or to draw it."""
    return {
        **asdict(contest),
        "challenger": verdict.challenger,
        "winner": _winner(contest, verdict),
        "beats": verdict.beats,
        "value": asdict(verdict.value),
        "baseline_value": asdict(verdict.baseline),
        "difference": asdict(verdict.difference),
        "sentence": _sentence(contest, verdict),
    }
