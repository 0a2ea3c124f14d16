"""Shows how workers spent the time of a sweep, from the times of starts, reports and ends of runs.

The time between two reports of a worker is an epoch. Before the first report, the worker composes,
builds, compiles, and trains the first epoch; the part of this that exceeds a usual epoch is called
set-up. Between the last report and the end of the run it evaluates and saves. Between two runs it
waits.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from plotly import graph_objects as go

from besom.common.text import duration
from besom.results.report.data import SHOWN, ReportData
from besom.results.report.figures.base import PRUNED, TRIAL, axis, frame, place
from besom.results.report.markup import Markup, Section, join, note, table
from besom.tracking import schema
from besom.tracking.reader import Point, ReadRun

PAUSE = 60.0
"""If no worker runs anything for this many seconds, the sweep was not running."""
SETTING_UP, TRAINING, SAVING, LOST = "compiling, set-up", "training", "evaluating, saving", "lost"
STARTING, IDLE = "starting", "idle"
PHASES = (SETTING_UP, TRAINING, SAVING, LOST)
BROKEN = ("dead", "lost", "interrupted", "failed", "killed")
COLORS = {SETTING_UP: "#d9a520", TRAINING: "#2a78d6", SAVING: TRIAL, LOST: PRUNED}
UNITS = ((7200.0, 3600.0, "hours"), (180.0, 60.0, "minutes"), (0.0, 1.0, "seconds"))
MOST_WORKERS = 32


@dataclass(frozen=True)
class Attempt:
    """The work on one run, from its start to its end, with times in seconds since 1970.

    ``trial`` is the number of the trial, or of the one that the run confirms. ``marks`` are the
    times of its reports, one for each step.
    """

    what: str
    trial: str
    worker: str
    start: float
    end: float
    marks: Sequence[float]
    broken: bool

    def phases(self, usual: float) -> list[tuple[str, float, float]]:
        """Return phases with start and end. ``usual`` is the set-up time if it is not known."""
        if self.broken:
            return [(LOST, self.start, self.end)]
        if not self.marks:
            return [(TRAINING, self.start, self.end)]
        set_up = self.setting_up()
        began = self.start + (usual if set_up is None else set_up)
        began = min(began, self.marks[0])
        return [
            (SETTING_UP, self.start, began),
            (TRAINING, began, self.marks[-1]),
            (SAVING, self.marks[-1], self.end),
        ]

    def setting_up(self) -> float | None:
        """Return by how much the first epoch exceeds a usual one; None if there is only one."""
        if len(self.marks) < 2:
            return None
        epochs = [later - one for one, later in zip(self.marks, self.marks[1:], strict=False)]
        return max(0.0, self.marks[0] - self.start - median(epochs))


@dataclass(frozen=True)
class Timeline:
    """All attempts of a study. ``sessions`` are the spans in which the sweep was running."""

    attempts: Sequence[Attempt]
    sessions: Sequence[tuple[float, float]]

    @property
    def workers(self) -> list[str]:
        return sorted({attempt.worker for attempt in self.attempts}, key=_by_number)

    @property
    def usual(self) -> float:
        """The median set-up time of the attempts for which it is known."""
        known = [found for one in self.attempts if (found := one.setting_up()) is not None]
        return median(known) if known else 0.0

    @property
    def length(self) -> float:
        """Seconds in which the sweep was running."""
        return sum(end - start for start, end in self.sessions)

    def offset(self, at: float) -> float:
        """Return the seconds since the sweep began, without the pauses."""
        return sum(min(max(at, start), end) - start for start, end in self.sessions)

    def spent(self, worker: str) -> dict[str, float]:
        """Return a worker's seconds by phase, with starting and idle; they sum to ``length``."""
        own = [attempt for attempt in self.attempts if attempt.worker == worker]
        spent = dict.fromkeys((STARTING, *PHASES), 0.0)
        usual = self.usual
        for attempt in own:
            for phase, start, end in attempt.phases(usual):
                spent[phase] += end - start
        spent[STARTING] = self.offset(min(attempt.start for attempt in own))
        return spent | {IDLE: max(0.0, self.length - sum(spent.values()))}


def read_timeline(report: ReportData) -> Timeline:
    """Return the attempts that took a worker's time. A trial that reuses a result has none."""
    attempts = [_attempt(run, report.points) for run in report.runs if schema.WORKER in run.tags]
    return Timeline(attempts, _sessions(report.study.parent.started, attempts))


def _attempt(run: ReadRun, points: Mapping[str, Sequence[Point]]) -> Attempt:
    tags = run.tags
    state = tags.get(schema.STATE, run.status.lower())
    marks = _marks(run, points.get(run.run_id, ()))
    end = run.ended if run.ended is not None else max([run.started, *marks])
    return Attempt(
        _what(tags),
        tags.get(schema.TRIAL) or tags[schema.CONFIRMS],
        tags[schema.WORKER],
        run.started,
        end,
        marks,
        state in BROKEN,
    )


def _what(tags: Mapping[str, str]) -> str:
    if schema.CONFIRMS in tags:
        return f"trial {tags[schema.CONFIRMS]} again, seed {tags.get(schema.SEED, '?')}"
    attempt = tags.get(schema.ATTEMPT, "1")
    return f"trial {tags[schema.TRIAL]}" + (f", attempt {attempt}" if attempt != "1" else "")


def _marks(run: ReadRun, points: Sequence[Point]) -> list[float]:
    """Return when each step was first reported, without metrics that only have step 0."""
    stepwise = {point.metric for point in points if point.step}
    found: dict[int, float] = {}
    for point in points:
        if point.metric in stepwise and run.started <= point.at <= (run.ended or point.at):
            found[point.step] = min(point.at, found.get(point.step, point.at))
    return sorted(found.values())


def _sessions(began: float, attempts: Iterable[Attempt]) -> list[tuple[float, float]]:
    """Return the spans in which anything ran, from the sweep's start on.

    Gaps of up to ``PAUSE`` seconds belong to a span.
    """
    spans = [(began, began), *((attempt.start, attempt.end) for attempt in attempts)]
    sessions: list[tuple[float, float]] = []
    for start, end in sorted(spans):
        if sessions and start - sessions[-1][1] <= PAUSE:
            sessions[-1] = (sessions[-1][0], max(end, sessions[-1][1]))
        else:
            sessions.append((start, end))
    return sessions


def _by_number(worker: str) -> tuple[int, str]:
    return (int(worker), "") if worker.isdecimal() else (1 << 30, worker)


Span = tuple[Attempt, float, float]


def time_spent(report: ReportData) -> Section | None:
    """Return the timeline, and a table of each worker's time by phase."""
    timeline = read_timeline(report)
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
    names = [f"worker {worker}" for worker in workers]
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
    """Return a dotted line where a pause has been cut out."""
    at = timeline.offset(start) / unit
    style = {"color": TRIAL, "dash": "dot", "width": 1}
    return {"type": "line", "x0": at, "x1": at, "y0": 0, "y1": 1, "yref": "paper", "line": style}


def _remarks(timeline: Timeline) -> Iterator[Markup]:
    if len(timeline.sessions) > 1:
        yield note("Dotted lines: the sweep was not running, and was gone on with later.")
    if (n_attempts := len(timeline.attempts)) > SHOWN:
        yield note(f"Drawn: the first {SHOWN:,} of {n_attempts:,} runs. The table counts all.")
    if (n_workers := len(timeline.workers)) > MOST_WORKERS:
        yield note(f"Drawn: the first {MOST_WORKERS} of {n_workers} workers.")


def _table(timeline: Timeline) -> Markup:
    """Return a table of time by worker and phase, with the sums and their shares."""
    phases = [STARTING, *PHASES, IDLE]
    spent = {worker: timeline.spent(worker) for worker in timeline.workers}
    rows: list[list[object]] = [
        [f"worker {worker}", *(duration(spent[worker][phase]) for phase in phases)]
        for worker in timeline.workers[:MOST_WORKERS]
    ]
    sums = [sum(one[phase] for one in spent.values()) for phase in phases]
    total = sum(sums)
    rows.append(["all", *(f"{duration(one)} ({one / total:.0%})" for one in sums)])
    return table(["", *phases], rows)
