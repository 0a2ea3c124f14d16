"""Where the time went: a timeline of the workers, and its sums."""

from collections.abc import Iterator, Sequence
from typing import Any

from plotly import graph_objects as go

from besom.common.text import duration
from besom.results.report.data import SHOWN, Material
from besom.results.report.figures.base import PRUNED, TRIAL, axis, frame, place
from besom.results.report.figures.timeline import (
    IDLE,
    LOST,
    PHASES,
    SAVING,
    SETTING_UP,
    STARTING,
    TRAINING,
    Attempt,
    Timeline,
    read_timeline,
)
from besom.results.report.markup import Markup, join, note, table
from besom.results.report.sections.section import Section

COLORS = {SETTING_UP: "#d9a520", TRAINING: "#2a78d6", SAVING: TRIAL, LOST: PRUNED}
UNITS = ((7200.0, 3600.0, "hours"), (180.0, 60.0, "minutes"), (0.0, 1.0, "seconds"))
MOST_WORKERS = 32

Span = tuple[Attempt, float, float]


def section(material: Material) -> Section | None:
    """The timeline and, for each worker, the time by phase."""
    timeline = read_timeline(material)
    if not timeline.attempts or not timeline.length:
        return None
    body = [_figure(timeline), *_remarks(timeline), _table(timeline)]
    return Section("time", "Where the time went", join(body))


def _figure(timeline: Timeline) -> Markup:
    workers = timeline.workers[:MOST_WORKERS]
    rows = {worker: -row for row, worker in enumerate(workers)}
    _, unit, unit_name = next(one for one in UNITS if timeline.length >= one[0])
    spans = _spans(timeline, [one for one in timeline.attempts if one.worker in rows][:SHOWN])
    bars = [_bars(timeline, phase, spans[phase], rows, unit) for phase in PHASES if spans[phase]]
    names = [_name(timeline, worker) for worker in workers]
    left = axis("", tickmode="array", tickvals=list(rows.values()), ticktext=names, showgrid=False)
    figure = frame(
        bars,
        f"{unit_name} since the sweep began",
        "",
        yaxis=left,
        barmode="overlay",
        showlegend=True,
        shapes=[_seam(timeline, start, unit) for start, _ in timeline.sessions[1:]],
    )
    caption = (
        f"What each worker did. {SETTING_UP.capitalize()}: what the first epoch took beyond a "
        "usual one; blank: starting, or waiting for the next trial."
    )
    return place(figure, "timeline", caption, height=120 + 34 * len(rows))


def _spans(timeline: Timeline, attempts: Sequence[Attempt]) -> dict[str, list[Span]]:
    usual = timeline.usual
    spans: dict[str, list[Span]] = {phase: [] for phase in PHASES}
    for attempt in attempts:
        for phase, start, end in attempt.phases(usual):
            spans[phase].append((attempt, start, end))
    return spans


def _bars(
    timeline: Timeline, phase: str, spans: Sequence[Span], rows: dict[str, int], unit: float
) -> Any:
    return go.Bar(
        name=phase,
        orientation="h",
        base=[timeline.offset(start) / unit for _, start, _ in spans],
        x=[(end - start) / unit for _, start, end in spans],
        y=[rows[attempt.worker] for attempt, _, _ in spans],
        width=0.7,
        customdata=[attempt.trial for attempt, _, _ in spans],
        hovertext=[f"{one.what}: {phase} {duration(end - start)}" for one, start, end in spans],
        hoverinfo="text",
        marker={"color": COLORS[phase], "line": {"width": 0}},
    )


def _seam(timeline: Timeline, start: float, unit: float) -> dict[str, Any]:
    """A dotted line where a pause has been cut out."""
    at = timeline.offset(start) / unit
    style = {"color": TRIAL, "dash": "dot", "width": 1}
    return {"type": "line", "x0": at, "x1": at, "y0": 0, "y1": 1, "yref": "paper", "line": style}


def _remarks(timeline: Timeline) -> Iterator[Markup]:
    if not timeline.workers_known:
        yield note(
            "This record does not say which worker ran what: rows are runs that fit together."
        )
    if len(timeline.sessions) > 1:
        yield note("Dotted lines: the sweep was not running, and was gone on with later.")
    if (n_attempts := len(timeline.attempts)) > SHOWN:
        yield note(f"Drawn: the first {SHOWN:,} of {n_attempts:,} runs. The table counts all.")
    if (n_workers := len(timeline.workers)) > MOST_WORKERS:
        yield note(f"Drawn: the first {MOST_WORKERS} of {n_workers} workers.")


def _table(timeline: Timeline) -> Markup:
    """Seconds by worker and phase, and the sums with their shares."""
    phases = [STARTING, *PHASES, IDLE]
    spent = {worker: timeline.spent(worker) for worker in timeline.workers}
    rows: list[list[object]] = [
        [_name(timeline, worker), *(duration(spent[worker][phase]) for phase in phases)]
        for worker in timeline.workers[:MOST_WORKERS]
    ]
    sums = [sum(one[phase] for one in spent.values()) for phase in phases]
    total = sum(sums)
    rows.append(["all", *(f"{duration(one)} ({one / total:.0%})" for one in sums)])
    return table(["", *phases], rows)


def _name(timeline: Timeline, worker: str) -> str:
    return f"worker {worker}" if timeline.workers_known else f"row {int(worker) + 1}"
