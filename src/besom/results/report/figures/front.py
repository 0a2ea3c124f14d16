"""Figures of the Pareto front, and of an objective against each constrained metric."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

from besom.results.report.data import DirectedMetric, ReportData
from besom.results.report.figures.base import (
    BASELINE,
    BEST,
    INFEASIBLE,
    INFEASIBLE_DOTS,
    TRIAL,
    dots,
    frame,
    line,
    place,
)
from besom.results.report.markup import Markup, Section, element, join, note, show, table
from besom.results.studies import Trial
from besom.search import ranking
from besom.tracking import schema

MOST_FIGURES = 3
MOST_ROWS = 20
SHADE = 0.12
"""The opacity of the infeasible part of a figure; dots in it stay clearly visible."""

Pair = tuple[DirectedMetric, DirectedMetric]


def pareto_front(report: ReportData) -> Section | None:
    """Return a figure for each pair of objectives, and the front as a table."""
    if not report.complete:
        return None
    front = _front(report)
    pairs = list(combinations(report.objectives, 2))[:MOST_FIGURES]
    figures = [
        *(_figure(report, front, pair, f"pareto-{n}") for n, pair in enumerate(pairs)),
        *bounded(report, front),
    ]
    grid = element("div", *figures, class_="grid") if len(figures) > 1 else join(figures)
    return Section("history", "Pareto front", join([grid, _table(report, front)]))


def bounded(report: ReportData, front: Sequence[Trial]) -> list[Markup]:
    """Return a figure of the first objective by each constrained metric that is not an objective.

    Args:
        front: the trials to mark; if empty, the best one is marked.
    """
    names = {objective.name for objective in report.objectives}
    others = [
        DirectedMetric(name, "minimize" if "<" in one.comparison else "maximize")
        for one in report.study.constraints.each
        if (name := schema.valid_name(one.metric)) not in names
    ]
    known = [m for m in others if any(report.value(t, m) is not None for t in report.complete)]
    return [
        _figure(report, front, (report.objectives[0], metric), f"bounded-{n}")
        for n, metric in enumerate(known[:MOST_FIGURES])
    ]


def _front(report: ReportData) -> list[Trial]:
    """Return the eligible trials that no other one dominates, sorted by the first objective."""

    def values(trial: Trial) -> list[float]:
        return [report.value(trial, objective) or 0.0 for objective in report.objectives]

    return sorted(ranking.front(report.eligible, values, report.study.directions), key=values)


def _figure(report: ReportData, front: Sequence[Trial], pair: Pair, name: str) -> Markup:
    best = [report.best] if report.best is not None and report.best in report.eligible else []
    marked, of_marked = (front, "Pareto front") if front else (best, "best")
    numbers = {trial.number for trial in marked}
    known = [t for t in report.shown if t.number in report.complete_numbers]
    others = [t for t in known if t.number not in numbers and t.role != "baseline"]
    traces = [
        _dots(report, "infeasible", [t for t in others if t.infeasible], pair, **INFEASIBLE_DOTS),
        _dots(
            report, "complete", [t for t in others if not t.infeasible], pair, color=TRIAL, size=7
        ),
        _dots(report, of_marked, marked, pair, color=BEST, size=9),
    ]
    if len(front) > 1 and list(pair) == report.objectives:
        ordered = [tuple(report.value(t, o) for o in pair) for t in front]
        style = {"color": BEST, "width": 1}
        traces.insert(2, line("", *zip(*ordered, strict=True), line=style, showlegend=False))
    baseline = [trial for trial in known if trial.role == "baseline"]
    traces.append(_dots(report, "baseline", baseline, pair, color=BASELINE, size=11))
    x, y = pair
    shown = [trace for trace in traces if trace.x]
    figure = frame(shown, x.name, y.name, showlegend=True, shapes=_forbidden(report, pair))
    return place(figure, name, _caption(report, pair), height=380)


def _caption(report: ReportData, pair: Pair) -> str:
    x, y = (
        f"{one.name} ({one.direction}d)" if one in report.objectives else one.name for one in pair
    )
    caption = f"{x} against {y} of the complete trials."
    if constraints := report.study.constraints:
        caption += f" Feasible is what keeps to {constraints}"
        names = {one.name for one in pair}
        is_drawn = names & set(map(schema.valid_name, constraints.metrics))
        caption += "; what lies in the shaded part does not." if is_drawn else "."
    return caption


def _forbidden(report: ReportData, pair: Pair) -> list[dict[str, Any]]:
    """Return shaded areas beyond the bounds of the two metrics, as far as drawn values reach."""
    shapes = []
    for metric, name in zip(pair, "xy", strict=True):
        values = [v for t in report.complete if (v := report.value(t, metric)) is not None]
        for one in report.study.constraints.each:
            if schema.valid_name(one.metric) == metric.name:
                reach = [*values, one.bound]
                beyond = max(reach) if "<" in one.comparison else min(reach)
                margin = 0.05 * (max(reach) - min(reach)) * (1 if "<" in one.comparison else -1)
                ends = {f"{name}0": one.bound, f"{name}1": beyond + margin}
                whole = {f"{other}{end}": end for other in "xy" if other != name for end in (0, 1)}
                axes = {f"{other}ref": f"{other} domain" for other in "xy" if other != name}
                style = {"fillcolor": INFEASIBLE, "opacity": SHADE, "line": {"width": 0}}
                shapes.append({"type": "rect", "layer": "below", **ends, **whole, **axes, **style})
    return shapes


def _dots(report: ReportData, name: str, trials: Sequence[Trial], pair: Pair, **marker: Any) -> Any:
    known = [t for t in trials if all(report.value(t, metric) is not None for metric in pair)]
    x, y = ([report.value(trial, metric) for trial in known] for metric in pair)
    return dots(name, [trial.name for trial in known], x, y, marker=marker)


def _table(report: ReportData, front: Sequence[Trial]) -> Markup:
    head = ["trial", *(objective.name for objective in report.objectives)]
    keys = [scale.key for scale in report.scales]
    rows = [
        [
            report.name(trial),
            *(show(report.value(trial, objective)) for objective in report.objectives),
            *(show(trial.params.get(key)) for key in keys),
        ]
        for trial in front[:MOST_ROWS]
    ]
    left = len(front) - MOST_ROWS
    more = note(f"… and {left} more on the front.") if left > 0 else ""
    return join([table([*head, *keys], rows), more])
