"""Slices: the objective against each parameter alone."""

from collections.abc import Sequence
from typing import Any

from besom.results.report.data import Material
from besom.results.report.figures.base import (
    BASELINE,
    BEST,
    TRIAL,
    dots,
    frame,
    place,
    scaled_axis,
)
from besom.results.report.figures.history import selection
from besom.results.report.figures.scale import Scale
from besom.results.report.markup import Markup, element, join, note
from besom.results.report.sections.section import Section
from besom.results.studies import Trial

MOST_FIGURES = 12


def section(material: Material) -> Section | None:
    """A figure for each parameter, what decides most first; the first objective alone."""
    scales = material.by_importance
    if not scales or not material.complete:
        return None
    figures = [_figure(material, scale, n) for n, scale in enumerate(scales[:MOST_FIGURES])]
    left = len(scales) - MOST_FIGURES
    more = note(f"{left} more parameters are not drawn.") if left > 0 else ""
    body = [element("div", *figures, class_="grid"), selection(material), more]
    return Section("slices", "Slices", join(body))


def _figure(material: Material, scale: Scale, number: int) -> Markup:
    known = [t for t in material.shown if t.number in material.complete_numbers]
    trials = [trial for trial in known if scale.key in trial.params]
    marked = {"best": [material.best], "baseline": [material.baseline]}
    traces = [_dots(material, scale, "complete", trials, color=TRIAL, size=7, opacity=0.6)]
    for (name, chosen), color in zip(marked.items(), (BEST, BASELINE), strict=True):
        own = [trial for trial in chosen if trial in trials]
        traces.append(_dots(material, scale, name, own, color=color, size=10))
    objective = material.objectives[0].name
    figure = frame(traces, scale.key, objective, xaxis=scaled_axis(scale.key, scale))
    says = f"{objective} by {scale.key}"
    return place(figure, f"slice-{number}", says, height=260, captioned=False)


def _dots(
    material: Material, scale: Scale, name: str, trials: Sequence[Trial], **marker: Any
) -> Any:
    x = [scale.place(trial.params[scale.key]) for trial in trials]
    y = [material.value(trial) for trial in trials]
    return dots(name, [trial.name for trial in trials], x, y, marker=marker)
