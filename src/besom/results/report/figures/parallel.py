"""Parallel coordinates: each complete trial as a line through its parameters to its value.

As lines of a plain plot rather than Plotly's ``parcoords``: that one needs WebGL, which browsers
without a graphics card refuse, has nothing to say about the line under the pointer, and is a
picture of dots on paper.
"""

from collections.abc import Sequence
from html import escape
from typing import Any

from besom.results.report.data import Material
from besom.results.report.figures.base import BASELINE, TRIAL, axis, frame, line, place
from besom.results.report.figures.history import selection
from besom.results.report.figures.scale import Scale
from besom.results.report.markup import join
from besom.results.report.sections.section import Section
from besom.results.studies import Trial

MOST_AXES = 8
ABSENT = -0.12
"""Where a line crosses the axis of a parameter that its trial does not have."""
# From the rest to the best: the share of the trials that are no worse, colour, width.
GROUPS = (
    ("the other half", 1.0, TRIAL, 0.8),
    ("best half", 0.5, "#86b6ef", 1.0),
    ("best quarter", 0.25, "#2a78d6", 1.5),
    ("best tenth", 0.1, "#c2306b", 2.2),
)


def section(material: Material) -> Section | None:
    """One figure; None where nothing differs, or trials are not in one order."""
    scales = material.by_importance[:MOST_AXES]
    if not scales or len(material.complete) < 2 or len(material.objectives) > 1:
        return None
    objective = material.objectives[0]
    value = Scale.of(objective.name, [material.value(trial) for trial in material.complete])
    if not value.differs:
        return None
    axes = [*scales, value]
    traces = [
        _lines(material, axes, name, trials, color=color, width=width)
        for (name, _, color, width), trials in zip(GROUPS, _groups(material), strict=True)
        if trials
    ]
    baseline = [t for t in (material.baseline,) if t in material.complete]
    if baseline:
        traces.append(_lines(material, axes, "baseline", baseline, color=BASELINE, width=2.5))
    caption = (
        f"Each line is a complete trial, from its parameters to its {objective.name}; a click on "
        "the legend hides a group. A line below an axis: the trial does not have that parameter."
    )
    figure = _frame(traces, axes)
    body = [place(figure, "parallel-figure", caption, height=420), selection(material)]
    return Section("parallel", "Parallel coordinates", join(body))


def _groups(material: Material) -> list[list[Trial]]:
    """The drawn trials by their rank, one list for each of ``GROUPS``."""
    shown = {trial.number for trial in material.shown}
    ranked = [trial for trial in material.ranked if trial.number in shown]
    ends = [round(share * len(ranked)) for _, share, _, _ in GROUPS]
    starts = [*ends[1:], 0]
    return [ranked[start:end] for start, end in zip(starts, ends, strict=True)]


def _lines(
    material: Material, axes: Sequence[Scale], name: str, trials: Sequence[Trial], **style: Any
) -> Any:
    """One trace for all; a gap after each trial."""
    x = [*range(len(axes)), None] * len(trials)
    y = [place for trial in trials for place in (*_places(material, axes, trial), None)]
    names = [trial.name for trial in trials for _ in range(len(axes) + 1)]
    return line(name, x, y, customdata=names, hoverinfo="text", line=style)


def _places(material: Material, axes: Sequence[Scale], trial: Trial) -> list[float]:
    """Where a trial crosses the axes, from 0 to 1."""
    values = {**trial.params, axes[-1].key: material.value(trial)}
    return [scale.share(values[scale.key]) if scale.key in values else ABSENT for scale in axes]


def _frame(traces: Sequence[Any], axes: Sequence[Scale]) -> Any:
    titles = [escape(scale.key).replace(".", ".<br>") for scale in axes]
    marks = [mark for place, scale in enumerate(axes) for mark in _marks(place, scale)]
    bottom = axis("", tickmode="array", tickvals=list(range(len(axes))), ticktext=titles)
    bottom |= {"range": [-0.25, len(axes) - 0.5], "side": "bottom", "showgrid": True}
    left = {"visible": False, "range": [ABSENT - 0.05, 1.06]}
    return frame(traces, "", "", xaxis=bottom, yaxis=left, annotations=marks, showlegend=True)


def _marks(place: int, scale: Scale) -> list[dict[str, Any]]:
    """What is written beside an axis."""
    low, high = scale.ends()
    return [
        {
            "x": place,
            "y": (position - low) / (high - low),
            "text": escape(text[:12]),
            "showarrow": False,
            "xanchor": "left",
            "xshift": 3,
            "borderpad": 0,
            "bgcolor": "white",
            "font": {"size": 10},
        }
        for position, text in zip(*scale.ticks(), strict=True)
        if low <= position <= high
    ]
