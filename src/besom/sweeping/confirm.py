"""From the best trial to an answer: train the finalists again, judge them, keep the verdict."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from rich.console import Console

from besom.errors import UserError
from besom.sweeping.confirmation import recall
from besom.sweeping.confirmations import ConfirmationCount, Confirmations, metric_of, still_open
from besom.sweeping.finalists import finalists
from besom.sweeping.options import FEWEST_SEEDS
from besom.sweeping.plan import Plan
from besom.sweeping.progress import make_progress
from besom.sweeping.seeding import seeds
from besom.sweeping.study import Study, TrialRow
from besom.sweeping.summary import ranked
from besom.sweeping.supervisor import Supervisor
from besom.sweeping.sweep import Sweep

if TYPE_CHECKING:
    from besom.sweeping.verdict import Verdict


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
    one of the others.
    """

    metric: str
    direction: str
    baseline: int
    seeds: Sequence[int]
    values: Mapping[int, Sequence[float]]


def confirm(sweep: Sweep, supervisor: Supervisor, console: Console) -> Answer:
    """Train what is still to be trained, keep the verdict, and register the winner's model.

    Returns:
        What came of it; empty where nothing was asked for, or it was interrupted.
    """
    plan, study, options = sweep.plan, sweep.study, sweep.plan.options.confirm
    if not options.top_k or supervisor.stopping:
        return Answer()
    chosen = finalists(ranked(plan, study.rows()), options.top_k)
    if not chosen:
        return Answer("No verdict: no trial beside the baseline was completed.")
    fresh = seeds(options, plan.baseline)
    pairs = still_open(study, chosen, fresh)
    n_all = len(chosen) * len(fresh)
    count = ConfirmationCount(n_all - len(pairs), n_all)
    with make_progress(console, count) as progress:
        supervisor.run(Confirmations(sweep, chosen, pairs, count, progress), progress)
    if supervisor.stopping:
        return Answer()
    return _settle(_contest(plan, study, chosen, fresh), sweep)


def _contest(plan: Plan, study: Study, chosen: Sequence[TrialRow], fresh: Sequence[int]) -> Contest:
    baseline, *others = [row.number for row in chosen]
    found = {row.number: _values(study, row.number, fresh) for row in chosen}
    common = [seed for seed in fresh if seed in found[baseline]]
    whole = [number for number in others if found[number].keys() >= set(common)]
    options = plan.options.confirm
    return Contest(
        metric_of(plan) or "objective",
        options.direction or plan.objective.directions[0],
        baseline,
        common,
        {number: [found[number][seed] for seed in common] for number in (baseline, *whole)},
    )


def _values(study: Study, number: int, fresh: Sequence[int]) -> dict[int, float]:
    """The metric of a trial's confirmations, by seed; those that failed are missing."""
    known = (recall(study, number, seed) for seed in fresh)
    return {one.seed: one.value for one in known if one and one.value is not None}


def _settle(contest: Contest, sweep: Sweep) -> Answer:
    """Judge, and keep the verdict with the sweep's own run."""
    if len(contest.seeds) < FEWEST_SEEDS:
        n_seeds = len(contest.seeds)
        return Answer(f"No verdict: the baseline was trained to its end on {n_seeds} seeds.")
    candidates = {n: v for n, v in contest.values.items() if n != contest.baseline}
    if not candidates:
        return Answer("No verdict: each of the best trials failed on some seed.")
    from besom.sweeping.verdict import judge  # scipy takes most of a second

    verdict = judge(contest.values[contest.baseline], candidates, contest.direction)
    sentence = verdict.sentence(contest.metric)
    document = json.dumps(_document(contest, verdict), indent=2)
    sweep.record.text(sweep.parent_run, "verdict.json", document)
    sweep.record.log(
        sweep.parent_run,
        {
            "besom.verdict": sentence,
            "besom.winner": str(_winner(contest, verdict)),
            "besom.beats": str(verdict.beats).lower(),
        },
    )
    return Answer(sentence, _register(contest, verdict, sweep))


def _register(contest: Contest, verdict: "Verdict", sweep: Sweep) -> str:
    """Make the winner's model of the first seed the study's champion."""
    from besom.tracking.registry import Champion, register  # pandas, and more of MLflow

    number = _winner(contest, verdict)
    confirmation = recall(sweep.study, number, contest.seeds[0])
    assert confirmation is not None
    sentence = verdict.sentence(contest.metric)
    champion = Champion(sweep.study.name, number, confirmation.run_id, sentence)
    try:
        address = register(sweep.record, champion, sweep.plan.hooks.pack)
    except UserError as error:  # the verdict stands without it
        return f"No champion is registered: {error}"
    return f"Champion: {address}, trial {number}" if address else ""


def _winner(contest: Contest, verdict: "Verdict") -> int:
    """The baseline keeps its place unless it is beaten."""
    return verdict.challenger if verdict.beats else contest.baseline


def _document(contest: Contest, verdict: "Verdict") -> dict[str, Any]:
    """All numbers of a verdict, for whoever wants to check or to draw it."""
    return {
        **asdict(contest),
        "challenger": verdict.challenger,
        "winner": _winner(contest, verdict),
        "beats": verdict.beats,
        "value": asdict(verdict.value),
        "baseline_value": asdict(verdict.baseline),
        "difference": asdict(verdict.difference),
        "sentence": verdict.sentence(contest.metric),
    }
