"""What trials reached: in their order, in several objectives at once, and step by step."""

from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import Any

from besom.results.report.data import SHOWN, DirectedMetric, Material
from besom.results.report.figures.base import (
    BASELINE,
    BEST,
    PRUNED,
    TRIAL,
    dots,
    frame,
    line,
    place,
)
from besom.results.report.markup import Markup, Section, element, join, note, show, table
from besom.results.studies import Trial
from besom.tracking.reader import Point

MOST_PAIRS = 3
MOST_ROWS = 20
MOST_METRICS = 6


def history(material: Material) -> Section | None:
    """Optimisation history; with several objectives, what they trade against each other."""
    if len(material.objectives) > 1:
        return _front(material)
    if not material.complete:
        return None
    name = material.objectives[0].name
    figure = frame(_traces(material), "trial", name, showlegend=True)
    caption = (
        f"{name} of each trial in the order of proposal. Pruned trials are shown with the last "
        "value that they reported; the line is the best so far."
    )
    body = [place(figure, "history-figure", caption, height=380), selection(material)]
    return Section("history", "Optimisation history", join(body))


def selection(material: Material) -> Markup:
    """Says so where not all trials are drawn."""
    n_trials = len(material.study.trials)
    if n_trials <= SHOWN:
        return Markup()
    return note(f"Drawn: {len(material.shown):,} of {n_trials:,} trials, evenly taken.")


def _traces(material: Material) -> list[Any]:
    marked = [trial for trial in (material.best, material.baseline) if trial is not None]
    plain = [t for t in material.shown if t.state == "complete" and t not in marked]
    pruned = [t for t in material.shown if t.state == "pruned"]
    traces = [
        _dots(material, "complete", plain, color=TRIAL, size=7),
        _dots(material, "pruned", pruned, color=PRUNED, size=7, symbol="x-thin-open"),
        _best_so_far(material),
    ]
    if material.baseline is not None:
        traces.append(_dots(material, "baseline", [material.baseline], color=BASELINE, size=11))
    if material.best is not None and material.best is not material.baseline:
        traces.append(_dots(material, "best", [material.best], color=BEST, size=11))
    return [trace for trace in traces if trace.x]


def _dots(material: Material, name: str, trials: Sequence[Trial], **marker: Any) -> Any:
    known = [trial for trial in trials if material.value(trial) is not None]
    numbers, values = [t.number for t in known], [material.value(t) for t in known]
    return dots(name, [t.name for t in known], numbers, values, marker=marker)


def _best_so_far(material: Material) -> Any:
    sign = material.objectives[0].sign
    numbers: list[int] = []
    values: list[float] = []
    for trial in material.complete:
        value = material.value(trial)
        assert value is not None and trial.number is not None
        if not values or sign * value < sign * values[-1]:
            numbers.append(trial.number)
            values.append(value)
    last = material.complete[-1].number
    assert last is not None
    shape = {"color": BEST, "width": 1.5, "shape": "hv"}
    return line("best so far", [*numbers, last], [*values, values[-1]], line=shape)


def _front(material: Material) -> Section | None:
    """A figure for each pair of objectives, and the front as a table."""
    if not material.complete:
        return None
    front = _pareto_front(material)
    pairs = list(combinations(material.objectives, 2))[:MOST_PAIRS]
    figures = [_front_figure(material, front, pair, place) for place, pair in enumerate(pairs)]
    grid = element("div", *figures, class_="grid") if len(figures) > 1 else join(figures)
    return Section("history", "Pareto front", join([grid, _front_table(material, front)]))


def _pareto_front(material: Material) -> list[Trial]:
    """The complete trials that no other one matches in all objectives and beats in one."""
    places = {id(trial): _losses(material, trial) for trial in material.complete}
    front: list[Trial] = []
    # A trial that is beaten at all is beaten by one that comes earlier in this order.
    for trial in sorted(material.complete, key=lambda trial: places[id(trial)]):
        mine = places[id(trial)]
        if not any(_beats(places[id(other)], mine) for other in front):
            front.append(trial)
    return front


def _losses(material: Material, trial: Trial) -> tuple[float, ...]:
    """The objectives so that less is better."""
    return tuple(o.sign * (material.value(trial, o) or 0.0) for o in material.objectives)


def _beats(one: Sequence[float], other: Sequence[float]) -> bool:
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))


def _front_figure(
    material: Material,
    front: Sequence[Trial],
    pair: tuple[DirectedMetric, DirectedMetric],
    number: int,
) -> Markup:
    on_front = {trial.number for trial in front}
    known = [t for t in material.shown if t.number in material.complete_numbers]
    others = [t for t in known if t.number not in on_front and t.role != "baseline"]
    traces = [
        _front_dots(material, "complete", others, pair, color=TRIAL, size=7),
        _front_dots(material, "Pareto front", front, pair, color=BEST, size=9),
    ]
    if len(material.objectives) == 2:
        ordered = [tuple(material.value(t, o) for o in pair) for t in front]
        style = {"color": BEST, "width": 1}
        traces.insert(1, line("", *zip(*ordered, strict=True), line=style, showlegend=False))
    baseline = [trial for trial in known if trial.role == "baseline"]
    traces.append(_front_dots(material, "baseline", baseline, pair, color=BASELINE, size=11))
    x, y = pair
    figure = frame(traces, x.name, y.name, showlegend=True)
    caption = f"{x.name} ({x.direction}d) against {y.name} ({y.direction}d) of the complete trials."
    return place(figure, f"pareto-{number}", caption, height=380)


def _front_dots(
    material: Material,
    name: str,
    trials: Sequence[Trial],
    pair: tuple[DirectedMetric, DirectedMetric],
    **marker: Any,
) -> Any:
    x, y = ([material.value(trial, objective) for trial in trials] for objective in pair)
    return dots(name, [trial.name for trial in trials], x, y, marker=marker)


def _front_table(material: Material, front: Sequence[Trial]) -> Markup:
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


def curves(material: Material) -> Section:
    """A figure for each metric that is reported per step, the objective first."""
    metrics = _stepwise(material)
    if not metrics:
        text = "The task reports nothing per step (besom.report), so there are no curves."
        return Section("curves", "Learning curves", note(text))
    figures = [_curves_figure(material, name, place) for place, name in enumerate(metrics)]
    body = [element("div", *figures, class_="grid"), selection(material)]
    return Section("curves", "Learning curves", join(body))


def _stepwise(material: Material) -> list[str]:
    """The metrics with a step beyond 0, the objectives first."""
    runs = [trial.run.run_id for trial in material.study.trials]
    found = {point.metric for run in runs for point in material.points.get(run, ()) if point.step}
    first = [objective.name for objective in material.objectives if objective.name in found]
    return [*first, *sorted(found - set(first))][:MOST_METRICS]


def _curves_figure(material: Material, metric: str, number: int) -> Markup:
    marked = [trial for trial in (material.best, material.baseline) if trial is not None]
    others = [trial for trial in material.shown if trial not in marked]
    traces = [_curves(material, "other trials", others, metric, color=TRIAL, width=1)]
    traces[0].update(opacity=0.45)
    if material.baseline is not None:
        style = {"color": BASELINE, "width": 3}
        traces.append(_curves(material, "baseline", [material.baseline], metric, **style))
    if material.best is not None and material.best is not material.baseline:
        style = {"color": BEST, "width": 3}
        traces.append(_curves(material, "best", [material.best], metric, **style))
    figure = frame([t for t in traces if t.x], "step", metric, showlegend=True)
    says = f"{metric} after each step"
    return place(figure, f"curves-{number}", says, height=300, captioned=False)


def _curves(
    material: Material, name: str, trials: Sequence[Trial], metric: str, **style: Any
) -> Any:
    """One trace for all: a browser draws it faster than one for each."""
    steps: list[int | None] = []
    values: list[float | None] = []
    names: list[str] = []
    for trial in trials:
        curve = _curve(material.points.get(trial.run.run_id, ()), metric)
        steps += [*(point.step for point in curve), None]
        values += [
            *(point.value if abs(point.value) < float("inf") else None for point in curve),
            None,
        ]
        names += [trial.name] * (len(curve) + 1)
    return line(name, steps, values, customdata=names, hoverinfo="text", line=style)


def _curve(points: Iterable[Point], metric: str) -> list[Point]:
    """A metric's points; without what was only said of the whole run, at step 0."""
    found = [point for point in points if point.metric == metric]
    return found if len(found) > 1 or any(point.step for point in found) else []
