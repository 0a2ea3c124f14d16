"""The optimisation history, and the learning curves of the trials."""

from collections.abc import Iterable, Sequence
from typing import Any

from besom.results.report.data import SHOWN, ReportData
from besom.results.report.figures.base import (
    BASELINE,
    BEST,
    INFEASIBLE_DOTS,
    PRUNED,
    TRIAL,
    dots,
    frame,
    line,
    place,
)
from besom.results.report.figures.front import bounded, pareto_front
from besom.results.report.markup import Markup, Section, element, join, note
from besom.results.studies import Trial
from besom.tracking.reader import Point

MOST_METRICS = 6


def history(report: ReportData) -> Section | None:
    """Return the optimisation history; with several objectives, the Pareto front."""
    if len(report.objectives) > 1:
        return pareto_front(report)
    if not report.complete:
        return None
    name = report.objectives[0].name
    figure = frame(_traces(report), "trial", name, showlegend=True)
    caption = (
        f"{name} of each trial in the order of proposal. Pruned trials are shown with the last "
        "value that they reported; the line is the best so far."
    )
    if report.study.constraints:
        caption += f" Feasible is what keeps to {report.study.constraints}."
    drawn = place(figure, "history-figure", caption, height=380)
    body = [drawn, selection(report), *bounded(report, [])]
    return Section("history", "Optimisation history", join(body))


def selection(report: ReportData) -> Markup:
    """Return a remark if not all trials are drawn; otherwise nothing."""
    n_trials = len(report.study.trials)
    if n_trials <= SHOWN:
        return Markup()
    return note(f"Drawn: {len(report.shown):,} of {n_trials:,} trials, evenly taken.")


def _traces(report: ReportData) -> list[Any]:
    marked = [trial for trial in (report.best, report.baseline) if trial is not None]
    plain = [t for t in report.shown if t.is_eligible and t not in marked]
    infeasible = [t for t in report.shown if t in report.infeasible and t not in marked]
    pruned = [t for t in report.shown if t.state == "pruned"]
    traces = [
        _dots(report, "complete", plain, color=TRIAL, size=7),
        _dots(report, "infeasible", infeasible, **INFEASIBLE_DOTS),
        _dots(report, "pruned", pruned, color=PRUNED, size=7, symbol="x-thin-open"),
    ]
    if report.eligible:
        traces.append(_best_so_far(report))
    if report.baseline is not None:
        traces.append(_dots(report, "baseline", [report.baseline], color=BASELINE, size=11))
    if report.best is not None and report.best is not report.baseline:
        traces.append(_dots(report, "best", [report.best], color=BEST, size=11))
    return [trace for trace in traces if trace.x]


def _dots(report: ReportData, name: str, trials: Sequence[Trial], **marker: Any) -> Any:
    known = [trial for trial in trials if report.value(trial) is not None]
    numbers, values = [t.number for t in known], [report.value(t) for t in known]
    return dots(name, [t.name for t in known], numbers, values, marker=marker)


def _best_so_far(report: ReportData) -> Any:
    sign = report.objectives[0].sign
    numbers: list[int] = []
    values: list[float] = []
    for trial in report.eligible:
        value = report.value(trial)
        assert value is not None and trial.number is not None
        if not values or sign * value < sign * values[-1]:
            numbers.append(trial.number)
            values.append(value)
    last = report.complete[-1].number
    assert last is not None
    shape = {"color": BEST, "width": 1.5, "shape": "hv"}
    return line("best so far", [*numbers, last], [*values, values[-1]], line=shape)


def curves(report: ReportData) -> Section:
    """Return a figure for each metric that is reported per step, the objectives first."""
    metrics = _stepwise(report)
    if not metrics:
        text = "The task reports nothing per step (besom.report), so there are no curves."
        return Section("curves", "Learning curves", note(text))
    figures = [_curves_figure(report, name, place) for place, name in enumerate(metrics)]
    body = [element("div", *figures, class_="grid"), selection(report)]
    return Section("curves", "Learning curves", join(body))


def _stepwise(report: ReportData) -> list[str]:
    """Return the metrics with a step above 0, the objectives first."""
    runs = [trial.run.run_id for trial in report.study.trials]
    found = {point.metric for run in runs for point in report.points.get(run, ()) if point.step}
    first = [objective.name for objective in report.objectives if objective.name in found]
    return [*first, *sorted(found - set(first))][:MOST_METRICS]


def _curves_figure(report: ReportData, metric: str, number: int) -> Markup:
    marked = [trial for trial in (report.best, report.baseline) if trial is not None]
    others = [trial for trial in report.shown if trial not in marked]
    traces = [_curves(report, "other trials", others, metric, color=TRIAL, width=1)]
    traces[0].update(opacity=0.45)
    if report.baseline is not None:
        style = {"color": BASELINE, "width": 3}
        traces.append(_curves(report, "baseline", [report.baseline], metric, **style))
    if report.best is not None and report.best is not report.baseline:
        style = {"color": BEST, "width": 3}
        traces.append(_curves(report, "best", [report.best], metric, **style))
    figure = frame([t for t in traces if t.x], "step", metric, showlegend=True)
    says = f"{metric} after each step"
    return place(figure, f"curves-{number}", says, height=300, captioned=False)


def _curves(
    report: ReportData, name: str, trials: Sequence[Trial], metric: str, **style: Any
) -> Any:
    """Return one trace for all trials, which a browser draws faster than one for each."""
    steps: list[int | None] = []
    values: list[float | None] = []
    names: list[str] = []
    for trial in trials:
        curve = _curve(report.points.get(trial.run.run_id, ()), metric)
        steps += [*(point.step for point in curve), None]
        values += [
            *(point.value if abs(point.value) < float("inf") else None for point in curve),
            None,
        ]
        names += [trial.name] * (len(curve) + 1)
    return line(name, steps, values, customdata=names, hoverinfo="text", line=style)


def _curve(points: Iterable[Point], metric: str) -> list[Point]:
    """Return a metric's points; none if it was only logged for the whole run, at step 0."""
    found = [point for point in points if point.metric == metric]
    return found if len(found) > 1 or any(point.step for point in found) else []
