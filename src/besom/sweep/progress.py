"""Shows the progress of a sweep: bars on a terminal, plain lines elsewhere."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, TaskID, TextColumn
from rich.progress import Progress as Bars
from rich.text import Text

from besom.common.terminal.sentences import print_sentences
from besom.common.terminal.time_left import TimeLeft
from besom.common.text import duration, printable, shorten_words, show
from besom.search.feasibility import best_of
from besom.search.objective import Objective
from besom.search.trial_row import TrialRow
from besom.workers.signals import stopping_between

# More bars are too many to follow, and drawing a thousand four times a second keeps a core busy.
MAX_BARS = 24
BAR_WIDTH, LEAST_BAR_WIDTH = 16, 8
NUMBERS_WIDTH = 10
"""Least width of the numbers behind a bar: ``3/3 0.8123``."""
LEAST_TEXT_WIDTH = 24


class Progress(Protocol):
    """Shows the progress of a sweep. Every ``line`` stays on the screen."""

    def started(self, worker: int, what: str) -> None: ...

    def expects(self, worker: int, steps: int) -> None: ...

    def reported(self, worker: int, step: int, value: float | None) -> None: ...

    def ended(self, worker: int | None, line: str) -> None: ...

    def unfinished(self, worker: int, line: str) -> None: ...

    def remark(self, line: str) -> None: ...


class Count(Protocol):
    """How many jobs there are, how many are done, and the time that is left."""

    @property
    def n_done(self) -> int: ...

    @property
    def n_all(self) -> int: ...

    @property
    def time_left(self) -> TimeLeft: ...

    def left(self) -> str:
        """Return the time that is left, as text; empty if it is not known or nothing is left."""

    def line(self) -> str:
        """Return the counts, as text."""


def as_left(seconds: float | None) -> str:
    """Return ``1 min 20 s left``; empty if that is not known, or less than a second."""
    return f"{duration(seconds)} left" if seconds is not None and seconds >= 1 else ""


class Tally:
    """Counts trials, and knows the best value so far and the time that is left.

    Args:
        rows: trials of earlier processes.
        time_left: learns from each trial.
        n_confirmations: how many come after the trials.
    """

    def __init__(
        self,
        n_trials: int,
        objective: Objective,
        rows: Sequence[TrialRow],
        time_left: TimeLeft,
        n_confirmations: int = 0,
    ) -> None:
        self.n_all = max(n_trials, len(rows))  # begun trials are ended, whatever ``n_trials`` is
        self._objective = objective
        self.time_left = time_left
        self._n_confirmations = n_confirmations
        self.counts = {"complete": 0, "pruned": 0, "failed": 0}
        self.best: TrialRow | None = None
        for row in rows:
            if row.state in self.counts:
                self._count(row)
        seconds = seconds_of(rows)
        time_left.know(seconds["complete"], seconds["pruned"])

    def add(self, row: TrialRow, worker: int | None) -> None:
        """Count a trial that has ended, in a worker or without one."""
        self.time_left.ended(worker, whole=row.state == "complete")
        self._count(row)

    def _count(self, row: TrialRow) -> None:
        self.counts[row.state] += 1
        if self._objective.single:
            known = [row] if self.best is None else [self.best, row]
            self.best = next(iter(best_of(known, self._objective.directions)), None)

    def set_n_trials(self, n_trials: int) -> None:
        """Expect so many trials in all."""
        self.n_all = max(n_trials, self.n_done + self.time_left.n_running)

    @property
    def n_done(self) -> int:
        return sum(self.counts.values())

    def line(self) -> str:
        """Return ``7/20 done  2 pruned  0 failed  best 0.8312 (trial 4)``."""
        parts = [f"{self.n_done}/{self.n_all} done"]
        parts += [f"{self.counts['pruned']} pruned", f"{self.counts['failed']} failed"]
        if self.best:
            parts.append(f"best {show(self.best.values[0])} (trial {self.best.number})")
        return "  ".join(parts)

    def left(self) -> str:
        """Return the time until all trials and confirmations are done."""
        n_open = self.n_all - self.n_done
        n_waiting = max(0, n_open - self.time_left.n_running)
        seconds = self.time_left.seconds(n_waiting, self._n_confirmations) or 0.0
        if n_open > 0 or seconds < 1:
            return as_left(seconds)
        return f"confirmation: about {duration(seconds)}"


def seconds_of(rows: Sequence[TrialRow]) -> Mapping[str, list[float]]:
    """Return how many seconds each ended trial took, by state."""
    seconds = defaultdict[str, list[float]](list)
    for row in rows:
        if "seconds" in row.notes:
            seconds[row.state].append(row.notes["seconds"])
    return seconds


class PlainProgress:
    """Prints one plain line for each job that has ended or been lost."""

    def __init__(self, console: Console, count: Count) -> None:
        self._console = console
        self._count = count

    def __enter__(self) -> "PlainProgress":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def started(self, worker: int, what: str) -> None:
        self._count.time_left.started(worker)

    def expects(self, worker: int, steps: int) -> None:
        self._count.time_left.expects(worker, steps)

    def reported(self, worker: int, step: int, value: float | None) -> None:
        self._count.time_left.reported(worker, step)

    def ended(self, worker: int | None, line: str) -> None:
        count = f"{self._count.n_done}/{self._count.n_all}"
        left = self._count.left()
        self._say(f"{line}  [{count}, {left}]" if left else f"{line}  [{count}]")

    def unfinished(self, worker: int, line: str) -> None:
        self._count.time_left.left(worker)
        self._say(line)

    def remark(self, line: str) -> None:
        self._say(line)

    def _say(self, text: str) -> None:
        print_sentences([printable(text)], self._console)


class LiveProgress(PlainProgress):
    """Prints the same lines above a bar for each of the first workers and a line of counts."""

    def __init__(self, console: Console, count: Count) -> None:
        super().__init__(console, count)
        self._bar_column = BarColumn(bar_width=BAR_WIDTH)
        self._bars = Bars(
            TextColumn("{task.description}", markup=False),
            self._bar_column,
            TextColumn("{task.fields[steps]} {task.fields[value]}"),
            console=console,
        )
        self._tasks: dict[int, TaskID] = {}
        self._totals: dict[int, str] = {}
        self._texts: dict[int, str] = {}
        self._numbers_width = NUMBERS_WIDTH
        self._is_over = False
        self._live = Live(get_renderable=self._render, console=console, refresh_per_second=4)

    def __enter__(self) -> "LiveProgress":
        self._live.__enter__()
        show = self._console.show_cursor
        self._stopping = stopping_between(show, lambda: show(False))
        self._stopping.__enter__()
        return self

    def __exit__(self, *reason: object) -> None:
        self._stopping.__exit__(None, None, None)
        for task in self._tasks.values():
            self._bars.update(task, visible=False)
        self._is_over = True  # the last line stays, so it must not tell the time that is left
        self._live.refresh()
        self._live.stop()

    def started(self, worker: int, what: str) -> None:
        super().started(worker, what)
        self._show(worker, what)

    def expects(self, worker: int, steps: int) -> None:
        super().expects(worker, steps)
        if worker not in self._tasks:
            return
        self._totals[worker] = f"/{steps}"
        task = self._tasks[worker]
        done = int(self._bars.tasks[task].completed)  # the task may raise the number on the way
        self._bars.update(task, total=steps, steps=f"{done}/{steps}")

    def reported(self, worker: int, step: int, value: float | None) -> None:
        super().reported(worker, step, value)
        if worker not in self._tasks:
            return
        total = self._totals.get(worker, "")
        steps, shown = f"{step}{total}", "" if value is None else show(value)
        self._bars.update(self._tasks[worker], completed=step, steps=steps, value=shown)

    def ended(self, worker: int | None, line: str) -> None:
        self._say(line)  # the counts stand below
        if worker is not None:
            self._show(worker, "idle")

    def unfinished(self, worker: int, line: str) -> None:
        super().unfinished(worker, line)
        self._show(worker, "idle")

    def _show(self, worker: int, what: str) -> None:
        """Start a worker's bar again from zero."""
        if worker not in self._tasks:
            if len(self._tasks) == MAX_BARS:
                return
            self._tasks[worker] = self._bars.add_task("", total=None, steps="", value="")
        self._texts[worker] = f"worker {worker}  {what}"
        self._totals.pop(worker, None)
        task = self._tasks[worker]
        self._bars.reset(task, total=None, steps="", value="")

    def _fit(self) -> None:
        """Give the texts the width that bars and numbers leave; shorten the bars before texts."""
        found = [task.fields for task in self._bars.tasks]
        widths = (len(f"{known['steps']} {known['value']}") for known in found)
        self._numbers_width = max(self._numbers_width, *widths, 0)
        room = self._console.width - self._numbers_width - 2  # a space at each side of the bar
        texts = dict(self._texts)  # Rich calls this in another thread
        spare = room - max(map(len, texts.values()), default=0)
        bar = self._bar_column.bar_width = min(BAR_WIDTH, max(LEAST_BAR_WIDTH, spare))
        for worker, text in texts.items():
            shown = shorten_words(text, max(LEAST_TEXT_WIDTH, room - bar))
            self._bars.update(self._tasks[worker], description=shown)

    def _render(self) -> Group:
        self._fit()
        left = "" if self._is_over else self._count.left()
        return Group(self._bars, Text("  ".join(filter(None, (self._count.line(), left)))))


def make_progress(
    console: Console, count: Count
) -> AbstractContextManager[PlainProgress] | AbstractContextManager[LiveProgress]:
    """Return bars on a terminal, plain lines in a file or pipe."""
    return LiveProgress(console, count) if console.is_terminal else PlainProgress(console, count)


def describe(row: TrialRow) -> str:
    """Return ``trial   7  complete  0.8312  units=64 max_length=200``."""
    value = " ".join(map(show, row.values)) if row.values else "-"
    state = "infeasible" if row.state == "complete" and row.infeasible else row.state
    text = f"trial {row.number:3d}  {state:8s}  {value:8s}  {row.label}"
    if state == "infeasible":
        text += f"  {row.infeasible}"
    if "reused" in row.notes:
        text += f"  (same as trial {row.notes['reused']}: its value is reused)"
    if row.state == "pruned" and "stopped" in row.notes:
        text += "  (besom stop)"
    if row.state == "failed" and "error" in row.notes:
        text += f"  {row.notes['error']}"
    return text
