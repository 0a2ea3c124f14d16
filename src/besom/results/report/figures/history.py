"""How the search went on: each trial's value in its order, and the best so far."""

from collections.abc import Sequence
from typing import Any

from besom.results.report.data import SHOWN, Material
from besom.results.report.figures import pareto
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
from besom.results.report.markup import Markup, join, note
from besom.results.report.sections.section import Section
from besom.results.studies import Trial


def section(material: Material) -> Section | None:
    """Optimisation history; with several objectives, what they trade against each other."""
    if len(material.objectives) > 1:
        return pareto.section(material)
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
