"""Makes rows of the judged recommendations: each side's accuracy, then Besom against each peer."""

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from benchmarks.harness import Goal, Row
from benchmarks.search.log import Log
from benchmarks.search.sides import BESOM, LOOP
from besom.sweep.confirmation.statistics import estimate

WITHIN = Goal(5, at_least=False)
"""The goal for the minutes until Besom matches the loop's recommendation of the longest budget."""

Judged = Mapping[tuple[str, float], Sequence[float]]
"""The mean test accuracies of the seeds' recommendations, by side and budget in seconds."""


def rows(judged: Judged, logs: Mapping[str, Sequence[Log]]) -> Iterator[Row]:
    """Yield all rows of the report."""
    budgets = sorted({budget for _, budget in judged})
    for name, found in logs.items():
        for budget in budgets:
            n_ended = [len(one.until(budget)) for one in found]
            yield replace(
                _accuracy(f"{name}, after {_minutes(budget)}", judged[name, budget]),
                note=f"{round(statistics.mean(n_ended))} trials run to their end",
                details={"curves": [one.curve() for one in found]} if budget == budgets[-1] else {},
            )
    for name in logs:
        if name != BESOM:
            for budget in budgets:
                yield _difference(name, budget, judged)
    yield _matched(judged, budgets)


def _accuracy(what: str, accuracies: Sequence[float]) -> Row:
    return Row(what, [100 * one for one in accuracies], unit="%")


def _difference(name: str, budget: float, judged: Judged) -> Row:
    """Return the differences between Besom and a peer, by seed, in points of test accuracy; the
    note says whether the 95 % interval of their mean excludes zero."""
    pairs = zip(judged[BESOM, budget], judged[name, budget], strict=True)
    points = [100 * (ours - theirs) for ours, theirs in pairs]
    what = f"besom less {name}, after {_minutes(budget)}"
    if len(points) < 2:
        return Row(what, points, unit="points", note="one seed: no interval")
    found = estimate(points)
    said = "worse" if found.high < 0 else "better" if found.low > 0 else "within it"
    interval = f"mean {found.mean:+.2f}, 95 % interval {found.low:+.2f} to {found.high:+.2f}"
    return Row(what, points, unit="points", note=f"{interval}: {said}")


def _matched(judged: Judged, budgets: Sequence[float]) -> Row:
    """Return the first budget after which Besom's mean reaches that of the loop at the end."""
    goal = statistics.mean(judged[LOOP, budgets[-1]])
    reached = [b for b in budgets if statistics.mean(judged[BESOM, b]) >= goal]
    first = reached[0] / 60 if reached else math.inf
    what = f"minutes until besom matches what the loop recommends after {_minutes(budgets[-1])}"
    return Row(what, [first], unit="min", goal=WITHIN, note=f"{100 * goal:.2f} %")


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:g} min"
