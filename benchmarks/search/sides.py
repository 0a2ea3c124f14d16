"""The sides of the search benchmark, and what each recommends after which time."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks import commands
from benchmarks.configurations import Configuration
from benchmarks.search import besom_side, judge, log
from benchmarks.search.log import Log
from benchmarks.search.space import BASELINE, EPOCHS
from besom.sweep.confirmation import statistics

BESOM = "besom"
LOOP = "plain Optuna loop"
PEERS = {
    LOOP: "benchmarks.peers.search_loop",
    "KerasTuner's Hyperband": "benchmarks.peers.search_hyperband",
    "MedianPruner, two processes": "benchmarks.peers.search_pruned",
}
RESULTS = "results.jsonl"

Search = Callable[[float, int, Path], Log]
"""A function that searches for some seconds with a seed, in a folder of its own."""


def peer(module: str) -> Search:
    """Return the search that a peer's script does."""

    def search(seconds: float, seed: int, folder: Path) -> Log:
        folder.mkdir(parents=True)
        results = str(folder / RESULTS)
        words = commands.module(module, str(seconds), str(seed), str(EPOCHS), results)
        ended = commands.run(words, folder, commands.reviews())
        return Log.of(log.read(Path(results)), ended.started)

    return search


SIDES: Mapping[str, Search] = {
    BESOM: besom_side.search,
    **{name: peer(module) for name, module in PEERS.items()},
}


def recommended(
    logs: Mapping[str, Sequence[Log]], budgets: Sequence[float], folder: Path
) -> dict[tuple[str, float], list[Configuration]]:
    """Return what each seed's search recommends, by side and budget in seconds.

    A peer recommends its best trial; Besom recommends what its confirmation chooses.
    """
    peers = {
        (name, budget): [one.best(budget) for one in logs[name]]
        for name in logs
        if name != BESOM
        for budget in budgets
    }
    return peers | _besom(logs[BESOM], budgets, folder)


def _besom(
    logs: Sequence[Log], budgets: Sequence[float], folder: Path
) -> dict[tuple[str, float], list[Configuration]]:
    asked = {budget: [besom_side.candidates(one, budget) for one in logs] for budget in budgets}
    each = (one for found in asked.values() for several in found for one in several)
    confirmed = judge.values(each, judge.CONFIRMING, "val_accuracy", folder)
    return {
        (BESOM, budget): [
            _winner(several, confirmed) if several else one.best(budget)
            for one, several in zip(logs, found, strict=True)
        ]
        for budget, found in asked.items()
    }


def _winner(
    candidates: Sequence[Configuration], confirmed: Mapping[Configuration, Sequence[float]]
) -> Configuration:
    """Return the champion: the best candidate if it beats the baseline, else the baseline."""
    others = {n: confirmed[one] for n, one in enumerate(candidates) if one != BASELINE}
    verdict = statistics.judge(confirmed[BASELINE], others, "maximize")
    return candidates[verdict.challenger] if verdict.beats else BASELINE
