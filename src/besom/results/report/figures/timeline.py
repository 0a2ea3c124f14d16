"""Where the time of a sweep went, worked out from when its runs began, reported and ended.

A worker's time between two reports is an epoch. Before the first report lie composing, building,
compiling and the first epoch; what that takes beyond a usual epoch is called setting up. Between
the last report and the run's end it evaluates and saves. Between two runs a worker waits.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from besom.results.report.data import Material
from besom.tracking.reader import Point, ReadRun

PAUSE = 60.0
"""Seconds in which no worker runs anything: the sweep was not running then."""
SETTING_UP, TRAINING, SAVING, LOST = "compiling, set-up", "training", "evaluating, saving", "lost"
STARTING, IDLE = "starting", "idle"
PHASES = (SETTING_UP, TRAINING, SAVING, LOST)
BROKEN = ("dead", "lost", "interrupted", "failed", "killed")


@dataclass(frozen=True)
class Attempt:
    """What a worker did from the start of a run to its end, in seconds since 1970.

    ``trial`` is the number of the trial, or of the one that it confirms; ``marks`` are the times
    of its reports, one for each step.
    """

    what: str
    trial: str
    worker: str
    start: float
    end: float
    marks: Sequence[float]
    broken: bool

    def phases(self, usual: float) -> list[tuple[str, float, float]]:
        """What it did when. ``usual`` is how long setting up takes where it cannot be told."""
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
        """What the first epoch took beyond a usual one; None where there is only one."""
        if len(self.marks) < 2:
            return None
        epochs = [later - one for one, later in zip(self.marks, self.marks[1:], strict=False)]
        return max(0.0, self.marks[0] - self.start - median(epochs))


@dataclass(frozen=True)
class Timeline:
    """All attempts of a study; ``sessions`` are the spans in which anything ran."""

    attempts: Sequence[Attempt]
    sessions: Sequence[tuple[float, float]]
    workers_known: bool

    @property
    def workers(self) -> list[str]:
        return sorted({attempt.worker for attempt in self.attempts}, key=_by_number)

    @property
    def usual(self) -> float:
        """How long setting up takes, in the median of the attempts that tell."""
        known = [found for one in self.attempts if (found := one.setting_up()) is not None]
        return median(known) if known else 0.0

    @property
    def length(self) -> float:
        """Seconds in which the sweep was running."""
        return sum(end - start for start, end in self.sessions)

    def offset(self, at: float) -> float:
        """Seconds since the sweep began, without the pauses."""
        return sum(min(max(at, start), end) - start for start, end in self.sessions)

    def spent(self, worker: str) -> dict[str, float]:
        """Seconds by phase, with starting and idle; they sum up to ``length``."""
        own = [attempt for attempt in self.attempts if attempt.worker == worker]
        spent = dict.fromkeys((STARTING, *PHASES), 0.0)
        usual = self.usual
        for attempt in own:
            for phase, start, end in attempt.phases(usual):
                spent[phase] += end - start
        spent[STARTING] = self.offset(min(attempt.start for attempt in own))
        return spent | {IDLE: max(0.0, self.length - sum(spent.values()))}


def read_timeline(material: Material) -> Timeline:
    """The attempts that took any worker's time; results taken over from a twin took none."""
    known = any("besom.worker" in run.tags for run in material.runs)
    runs = [run for run in material.runs if not known or "besom.worker" in run.tags]
    attempts = [_attempt(run, material.points) for run in runs if _is_attempt(run)]
    if not known:
        attempts = _in_lanes(attempts)
    return Timeline(attempts, _sessions(material.study.parent.started, attempts), known)


def _is_attempt(run: ReadRun) -> bool:
    return "besom.trial" in run.tags or "besom.confirms" in run.tags


def _attempt(run: ReadRun, points: Mapping[str, Sequence[Point]]) -> Attempt:
    tags = run.tags
    state = tags.get("besom.state", run.status.lower())
    marks = _marks(run, points.get(run.run_id, ()))
    end = run.ended if run.ended is not None else max([run.started, *marks])
    return Attempt(
        _what(tags),
        tags.get("besom.trial") or tags["besom.confirms"],
        tags.get("besom.worker", ""),
        run.started,
        end,
        marks,
        state in BROKEN,
    )


def _what(tags: Mapping[str, str]) -> str:
    if "besom.confirms" in tags:
        return f"trial {tags['besom.confirms']} again, seed {tags.get('besom.seed', '?')}"
    attempt = tags.get("besom.attempt", "1")
    return f"trial {tags['besom.trial']}" + (f", attempt {attempt}" if attempt != "1" else "")


def _marks(run: ReadRun, points: Sequence[Point]) -> list[float]:
    """When each step was reported first; facts of the whole run, all at step 0, are none."""
    stepwise = {point.metric for point in points if point.step}
    found: dict[int, float] = {}
    for point in points:
        if point.metric in stepwise and run.started <= point.at <= (run.ended or point.at):
            found[point.step] = min(point.at, found.get(point.step, point.at))
    return sorted(found.values())


def _in_lanes(attempts: Sequence[Attempt]) -> list[Attempt]:
    """Workers that were not recorded: each attempt goes to the first that is free."""
    free: list[float] = []
    placed = []
    for attempt in sorted(attempts, key=lambda attempt: attempt.start):
        lane = next((n for n, until in enumerate(free) if until <= attempt.start), len(free))
        free[lane : lane + 1] = [attempt.end]
        placed.append(Attempt(**{**vars(attempt), "worker": str(lane)}))
    return placed


def _sessions(began: float, attempts: Iterable[Attempt]) -> list[tuple[float, float]]:
    """The spans in which anything ran, less than ``PAUSE`` apart; the first from the start on."""
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
