"""What a person sees while a sweep runs: bars on a terminal, plain lines elsewhere."""

import time
from contextlib import AbstractContextManager
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, TaskID, TextColumn
from rich.progress import Progress as Bars
from rich.text import Text

from besom.sweeping.naming import is_baseline, short, show
from besom.sweeping.objective import Objective
from besom.sweeping.study import TrialRow

# Nobody follows more bars, and drawing a thousand four times a second is work for a core.
MAX_BARS = 24


class Progress(Protocol):
    """Who is told how a sweep goes."""

    def started(self, worker: int, row: TrialRow) -> None: ...

    def expects(self, worker: int, steps: int) -> None: ...

    def reported(self, worker: int, step: int, value: float | None) -> None: ...

    def finished(self, worker: int | None, row: TrialRow) -> None: ...

    def interrupted(self, worker: int, row: TrialRow) -> None: ...

    def lost(self, worker: int, row: TrialRow, cause: str) -> None: ...

    def say(self, text: str) -> None: ...


class Tally:
    """Counts, the best value so far, and the time that is left."""

    def __init__(self, n_trials: int, objective: Objective, rows: list[TrialRow]) -> None:
        self.n_trials = n_trials
        self._objective = objective
        self._began = time.monotonic()
        self._n_here = 0
        self.counts = {"complete": 0, "pruned": 0, "failed": 0}
        self.best: TrialRow | None = None
        for row in rows:
            if row.state in self.counts:
                self._count(row)

    def add(self, row: TrialRow) -> None:
        self._n_here += 1
        self._count(row)

    def _count(self, row: TrialRow) -> None:
        self.counts[row.state] += 1
        if row.state != "complete" or not self._objective.single:
            return
        if self.best is None or self._objective.better(row.values[0], self.best.values[0]):
            self.best = row

    @property
    def n_done(self) -> int:
        return sum(self.counts.values())

    def seconds_left(self) -> float | None:
        """From the pace since this process began; None before the first trial has ended."""
        if not self._n_here:
            return None
        pace = (time.monotonic() - self._began) / self._n_here
        return pace * max(0, self.n_trials - self.n_done)

    def line(self) -> str:
        """``7/20 done  2 pruned  0 failed  best 0.8312 (trial 4)  1 min left``."""
        parts = [f"{self.n_done}/{self.n_trials} done"]
        parts += [f"{self.counts['pruned']} pruned", f"{self.counts['failed']} failed"]
        if self.best:
            parts.append(f"best {show(self.best.values[0])} (trial {self.best.number})")
        if (left := self.seconds_left()) and self.n_done < self.n_trials:
            parts.append(f"{duration(left)} left")
        return "  ".join(parts)


class PlainProgress:
    """One plain line for each trial that has ended, or been lost."""

    def __init__(self, console: Console, tally: Tally) -> None:
        self._console = console
        self._tally = tally

    def __enter__(self) -> "PlainProgress":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def started(self, worker: int, row: TrialRow) -> None:
        pass

    def expects(self, worker: int, steps: int) -> None:
        pass

    def reported(self, worker: int, step: int, value: float | None) -> None:
        pass

    def finished(self, worker: int | None, row: TrialRow) -> None:
        self._tally.add(row)
        self.say(f"{describe(row)}  [{self._tally.n_done}/{self._tally.n_trials}]")

    def interrupted(self, worker: int, row: TrialRow) -> None:
        self.say(f"trial {row.number:3d}  interrupted; it is tried again on resume")

    def lost(self, worker: int, row: TrialRow, cause: str) -> None:
        self.say(f"trial {row.number:3d}  {cause}; it is tried again")

    def say(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


class LiveProgress(PlainProgress):
    """The same lines above a bar for each of the first workers and a line of counts."""

    def __init__(self, console: Console, tally: Tally) -> None:
        super().__init__(console, tally)
        self._bars = Bars(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[steps]} {task.fields[value]}"),
            console=console,
        )
        self._tasks: dict[int, TaskID] = {}
        self._totals: dict[int, str] = {}
        self._live = Live(get_renderable=self._render, console=console, refresh_per_second=4)

    def __enter__(self) -> "LiveProgress":
        self._live.__enter__()
        return self

    def __exit__(self, *reason: object) -> None:
        for task in self._tasks.values():
            self._bars.update(task, visible=False)
        self._live.refresh()
        self._live.stop()

    def started(self, worker: int, row: TrialRow) -> None:
        what = "baseline" if is_baseline(row) else short(row.params)
        self._show(worker, f"trial {row.number:3d}  {what}")

    def expects(self, worker: int, steps: int) -> None:
        if worker not in self._tasks:
            return
        self._totals[worker] = f"/{steps}"
        self._bars.update(self._tasks[worker], total=steps, steps=f"0/{steps}")

    def reported(self, worker: int, step: int, value: float | None) -> None:
        if worker not in self._tasks:
            return
        total = self._totals.get(worker, "")
        shown = "" if value is None else show(value)
        task = self._tasks[worker]
        self._bars.update(task, completed=step, steps=f"{step}{total}", value=shown)

    def finished(self, worker: int | None, row: TrialRow) -> None:
        super().finished(worker, row)
        if worker is not None:
            self._show(worker, "idle")

    def interrupted(self, worker: int, row: TrialRow) -> None:
        super().interrupted(worker, row)
        self._show(worker, "idle")

    def lost(self, worker: int, row: TrialRow, cause: str) -> None:
        super().lost(worker, row, cause)
        self._show(worker, "starting again")

    def _show(self, worker: int, what: str) -> None:
        """Begin a worker's bar anew."""
        text = shorten(f"worker {worker}  {what}", 64)
        if worker not in self._tasks:
            if len(self._tasks) == MAX_BARS:
                return
            self._tasks[worker] = self._bars.add_task(text, total=None, steps="", value="")
        self._totals.pop(worker, None)
        task = self._tasks[worker]
        self._bars.reset(task, total=None, description=text, steps="", value="")

    def _render(self) -> Group:
        return Group(self._bars, Text(self._tally.line()))


def make_progress(
    console: Console, tally: Tally
) -> AbstractContextManager[PlainProgress] | AbstractContextManager[LiveProgress]:
    """Bars where a person watches a terminal, plain lines where a file or pipe receives them."""
    return LiveProgress(console, tally) if console.is_terminal else PlainProgress(console, tally)


def describe(row: TrialRow) -> str:
    """``trial   7  complete  0.8312  units=64 max_length=200``."""
    value = " ".join(map(show, row.values)) if row.values else "-"
    what = "baseline" if is_baseline(row) else short(row.params)
    text = f"trial {row.number:3d}  {row.state:8s}  {value:8s}  {what}"
    if "reused" in row.notes:
        text += f"  (same as trial {row.notes['reused']}: its value is reused)"
    if row.state == "failed" and "error" in row.notes:
        text += f"  {row.notes['error']}"
    return text


def duration(seconds: float) -> str:
    """``45 s``, ``12 min``, ``3.5 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def shorten(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
