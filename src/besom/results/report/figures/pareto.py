"""Several objectives: the trials that no other beats in all of them."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

from besom.results.report.data import Material, Objective
from besom.results.report.figures.base import BASELINE, BEST, TRIAL, dots, frame, line, place
from besom.results.report.markup import Markup, element, join, note, show, table
from besom.results.report.sections.section import Section
from besom.results.studies import Trial

MOST_FIGURES = 3
MOST_ROWS = 20


def section(material: Material) -> Section | None:
    """A figure for each pair of objectives, and the front as a table."""
    if not material.complete:
        return None
    front = pareto_front(material)
    pairs = list(combinations(material.objectives, 2))[:MOST_FIGURES]
    figures = [_figure(material, front, pair, place) for place, pair in enumerate(pairs)]
    grid = element("div", *figures, class_="grid") if len(figures) > 1 else join(figures)
    return Section("history", "Pareto front", join([grid, _table(material, front)]))


def pareto_front(material: Material) -> list[Trial]:
    """The complete trials that no other one matches in all objectives and beats in one."""
    places = {id(trial): _place(material, trial) for trial in material.complete}
    front: list[Trial] = []
    # A trial that is beaten at all is beaten by one that comes earlier in this order.
    for trial in sorted(material.complete, key=lambda trial: places[id(trial)]):
        mine = places[id(trial)]
        if not any(_beats(places[id(other)], mine) for other in front):
            front.append(trial)
    return front


def _place(material: Material, trial: Trial) -> tuple[float, ...]:
    """The objectives so that less is better."""
    return tuple(o.sign * (material.value(trial, o) or 0.0) for o in material.objectives)


def _beats(one: Sequence[float], other: Sequence[float]) -> bool:
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))


def _figure(
    material: Material, front: Sequence[Trial], pair: tuple[Objective, Objective], number: int
) -> Markup:
    on_front = {trial.number for trial in front}
    known = [t for t in material.shown if t.number in material.complete_numbers]
    others = [t for t in known if t.number not in on_front and t.role != "baseline"]
    traces = [
        _dots(material, "complete", others, pair, color=TRIAL, size=7),
        _dots(material, "Pareto front", front, pair, color=BEST, size=9),
    ]
    if len(material.objectives) == 2:
        ordered = [tuple(material.value(t, o) for o in pair) for t in front]
        style = {"color": BEST, "width": 1}
        traces.insert(1, line("", *zip(*ordered, strict=True), line=style, showlegend=False))
    baseline = [trial for trial in known if trial.role == "baseline"]
    traces.append(_dots(material, "baseline", baseline, pair, color=BASELINE, size=11))
    x, y = pair
    figure = frame(traces, x.name, y.name, showlegend=True)
    caption = f"{x.name} ({x.direction}d) against {y.name} ({y.direction}d) of the complete trials."
    return place(figure, f"pareto-{number}", caption, height=380)


def _dots(
    material: Material,
    name: str,
    trials: Sequence[Trial],
    pair: tuple[Objective, Objective],
    **marker: Any,
) -> Any:
    x, y = ([material.value(trial, objective) for trial in trials] for objective in pair)
    return dots(name, [trial.name for trial in trials], x, y, marker=marker)


def _table(material: Material, front: Sequence[Trial]) -> Markup:
    head = ["trial", *(objective.name for objective in material.objectives)]
    keys = [scale.key for scale in material.scales]
    rows = [
        [
            material.name(trial),
            *(show(material.value(trial, objective)) for objective in material.objectives),
            *(show(trial.params.get(key)) for key in keys),
        ]
        for trial in front[:MOST_ROWS]
    ]
    left = len(front) - MOST_ROWS
    more = note(f"… and {left} more on the front.") if left > 0 else ""
    return join([table([*head, *keys], rows), more])
