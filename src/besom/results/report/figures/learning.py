"""Learning curves: all trials faint, the best and the baseline bold."""

from collections.abc import Iterable, Sequence
from typing import Any

from besom.results.report.data import Material
from besom.results.report.figures.base import BASELINE, BEST, TRIAL, frame, line, place
from besom.results.report.figures.history import selection
from besom.results.report.markup import Markup, element, join, note
from besom.results.report.sections.section import Section
from besom.results.studies import Trial
from besom.tracking.reader import Point

MOST_METRICS = 6


def section(material: Material) -> Section:
    """A figure for each metric that is reported per step, the objective first."""
    metrics = stepwise(material)
    if not metrics:
        text = "The task reports nothing per step (besom.report), so there are no curves."
        return Section("curves", "Learning curves", note(text))
    figures = [_figure(material, name, place) for place, name in enumerate(metrics)]
    body = [element("div", *figures, class_="grid"), selection(material)]
    return Section("curves", "Learning curves", join(body))


def stepwise(material: Material) -> list[str]:
    """The metrics with a step beyond 0, the objectives first."""
    runs = [trial.run.run_id for trial in material.study.trials]
    found = {point.metric for run in runs for point in material.points.get(run, ()) if point.step}
    first = [objective.name for objective in material.objectives if objective.name in found]
    return [*first, *sorted(found - set(first))][:MOST_METRICS]


def _figure(material: Material, metric: str, number: int) -> Markup:
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
