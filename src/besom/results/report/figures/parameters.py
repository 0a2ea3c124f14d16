"""The parameters: importances, slices of the objective, parallel coordinates."""

from collections.abc import Sequence
from html import escape
from typing import Any

from plotly import graph_objects as go

from besom.results.report.data import ReportData
from besom.results.report.figures.base import (
    BASELINE,
    BEST,
    TRIAL,
    Scale,
    axis,
    dots,
    frame,
    line,
    place,
    scaled_axis,
)
from besom.results.report.figures.history import selection
from besom.results.report.markup import Markup, Section, element, join, note
from besom.results.studies import Trial
from besom.search.importance import FEWEST_TRIALS

IMPORTANCES = "Parameter importances"
METHOD = (
    "Importance of each parameter for being among the best tenth of the complete trials, or the "
    "best five (PED-ANOVA). Shares of one; of few trials they are rough."
)
MOST_SLICES = 12
MOST_AXES = 8
ABSENT = -0.12
"""Where a line crosses the axis of a parameter that its trial does not have."""
# From the worst group to the best: name, the part of the ranking where it ends, colour, width.
GROUPS = (
    ("the other half", 1.0, TRIAL, 0.8),
    ("best half", 0.5, "#86b6ef", 1.0),
    ("best quarter", 0.25, "#2a78d6", 1.5),
    ("best tenth", 0.1, "#c2306b", 2.2),
)


ROOM = 1.25
"""The length of the bars' axis relative to the longest bar. It leaves room for the bar's number on
a narrow screen."""


def importances(report: ReportData) -> Section | None:
    """Return a figure with a bar for each parameter, or the reason why there is none."""
    if not report.scales or not report.complete:
        return None
    if not report.shares:
        return Section("importances", IMPORTANCES, note(_why_none(report)))
    # Plotly counts rows from below.
    keys, shares = list(report.shares)[::-1], list(report.shares.values())[::-1]
    rows = list(range(len(keys)))
    bars = go.Bar(
        orientation="h",
        x=shares,
        y=rows,
        text=[f"{share:.2f}" for share in shares],
        textposition="outside",
        cliponaxis=False,
        hoverinfo="skip",
        marker={"color": BEST},
        width=0.6,
    )
    left = axis(
        "", tickmode="array", tickvals=rows, ticktext=[escape(key) for key in keys], showgrid=False
    )
    figure = frame([bars], "importance", "", yaxis=left)
    figure.update_xaxes(range=[0, max(shares) * ROOM or 1])
    return Section(
        "importances", IMPORTANCES, place(figure, "importances-figure", METHOD, 90 + 30 * len(keys))
    )


def _why_none(report: ReportData) -> str:
    n_complete = len(report.complete)
    if n_complete < FEWEST_TRIALS:
        return f"{n_complete} complete trials: importances need {FEWEST_TRIALS} that differ."
    values = {
        tuple(report.value(trial, objective) for objective in report.objectives)
        for trial in report.complete
    }
    if len(values) == 1:
        return "All complete trials have the same value: no parameter decides anything."
    return "No parameter sets the best of the complete trials apart from the others."


def slices(report: ReportData) -> Section | None:
    """Return a figure of the first objective by each parameter, the most important first."""
    scales = report.by_importance
    if not scales or not report.complete:
        return None
    figures = [_slice(report, scale, n) for n, scale in enumerate(scales[:MOST_SLICES])]
    left = len(scales) - MOST_SLICES
    more = note(f"{left} more parameters are not drawn.") if left > 0 else ""
    body = [element("div", *figures, class_="grid"), _drawn_trials(report), selection(report), more]
    return Section("slices", "Slices", join(body))


def _drawn_trials(report: ReportData) -> Markup:
    """Return a remark if pruned trials, which have no final value, are left out."""
    n_pruned = report.n_states["pruned"]
    if not n_pruned:
        return Markup()
    others = "1 pruned trial is" if n_pruned == 1 else f"{n_pruned} pruned trials are"
    return note(f"Complete trials. {others} left out: what they had reached is no final value.")


def _slice(report: ReportData, scale: Scale, number: int) -> Markup:
    known = [t for t in report.shown if t.number in report.complete_numbers]
    trials = [trial for trial in known if scale.key in trial.params]
    marked = {"best": [report.best], "baseline": [report.baseline]}
    traces = [_dots(report, scale, "complete", trials, color=TRIAL, size=7, opacity=0.6)]
    for (name, chosen), color in zip(marked.items(), (BEST, BASELINE), strict=True):
        own = [trial for trial in chosen if trial in trials]
        traces.append(_dots(report, scale, name, own, color=color, size=10))
    objective = report.objectives[0].name
    figure = frame(traces, scale.key, objective, xaxis=scaled_axis(scale.key, scale))
    says = f"{objective} by {scale.key}"
    return place(figure, f"slice-{number}", says, height=260, captioned=False)


def _dots(
    report: ReportData, scale: Scale, name: str, trials: Sequence[Trial], **marker: Any
) -> Any:
    x = [scale.place(trial.params[scale.key]) for trial in trials]
    y = [report.value(trial) for trial in trials]
    return dots(name, [trial.name for trial in trials], x, y, marker=marker)


def parallel(report: ReportData) -> Section | None:
    """Return a figure with each complete trial as a line through its parameters to its value.

    It is None if nothing differs, or with several objectives, which give no single order. The lines
    are those of a plain plot. Plotly's ``parcoords`` needs WebGL, which browsers without a graphics
    card refuse, shows no label for the line under the pointer, and prints as a raster image.
    """
    scales = report.by_importance[:MOST_AXES]
    if not scales or len(report.complete) < 2 or len(report.objectives) > 1:
        return None
    objective = report.objectives[0]
    value = Scale.of(objective.name, [report.value(trial) for trial in report.complete])
    if not value.differs:
        return None
    axes = [*scales, value]
    traces = [
        _lines(report, axes, name, trials, color=color, width=width)
        for (name, _, color, width), trials in zip(GROUPS, _groups(report), strict=True)
        if trials
    ]
    baseline = [t for t in (report.baseline,) if t in report.complete]
    if baseline:
        traces.append(_lines(report, axes, "baseline", baseline, color=BASELINE, width=2.5))
    caption = (
        f"Each line is a complete trial, from its parameters to its {objective.name}; a click on "
        "the legend hides a group. A line below an axis: the trial does not have that parameter."
    )
    figure = _parallel_frame(traces, axes)
    body = [place(figure, "parallel-figure", caption, height=420), selection(report)]
    return Section("parallel", "Parallel coordinates", join(body))


def _groups(report: ReportData) -> list[list[Trial]]:
    """Return the drawn trials by rank, as one list for each of ``GROUPS``."""
    shown = {trial.number for trial in report.shown}
    ranked = [trial for trial in report.ranked if trial.number in shown]
    ends = [round(share * len(ranked)) for _, share, _, _ in GROUPS]
    starts = [*ends[1:], 0]
    return [ranked[start:end] for start, end in zip(starts, ends, strict=True)]


def _lines(
    report: ReportData, axes: Sequence[Scale], name: str, trials: Sequence[Trial], **style: Any
) -> Any:
    """Return one trace for all trials, with a gap after each."""
    x = [*range(len(axes)), None] * len(trials)
    y = [place for trial in trials for place in (*_places(report, axes, trial), None)]
    names = [trial.name for trial in trials for _ in range(len(axes) + 1)]
    return line(name, x, y, customdata=names, hoverinfo="text", line=style)


def _places(report: ReportData, axes: Sequence[Scale], trial: Trial) -> list[float]:
    """Return the positions at which a trial's line crosses the axes, from 0 to 1."""
    values = {**trial.params, axes[-1].key: report.value(trial)}
    return [scale.share(values[scale.key]) if scale.key in values else ABSENT for scale in axes]


def _parallel_frame(traces: Sequence[Any], axes: Sequence[Scale]) -> Any:
    titles = [escape(scale.key).replace(".", ".<br>") for scale in axes]
    marks = [mark for place, scale in enumerate(axes) for mark in _marks(place, scale)]
    bottom = axis("", tickmode="array", tickvals=list(range(len(axes))), ticktext=titles)
    bottom |= {"range": [-0.25, len(axes) - 0.5], "side": "bottom", "showgrid": True}
    left = {"visible": False, "range": [ABSENT - 0.05, 1.06]}
    return frame(traces, "", "", xaxis=bottom, yaxis=left, annotations=marks, showlegend=True)


def _marks(place: int, scale: Scale) -> list[dict[str, Any]]:
    """Return the labels of an axis."""
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
