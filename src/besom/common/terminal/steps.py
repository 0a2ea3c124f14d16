"""Shows the steps of one run, such as epochs: a line each, and a bar below them on a terminal."""

import math
import time
from collections.abc import Callable, Mapping

from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bars

from besom.common.terminal.time_left import TimeLeft
from besom.common.text import duration, printable

MOST_LINES = 1000
"""Up to this step each has a line; then every tenth, and from ten times as many every hundredth."""
NUMBER_WIDTH = 9
BAR_WIDTH = 24


class ShownSteps:
    """Shows what a run reports. It is a context manager; the bar disappears at its end.

    Args:
        step: the name of one step.
        console: where the steps are shown; standard output where None.
        clock: returns seconds; for tests.
    """

    def __init__(
        self,
        step: str,
        console: Console | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._step = step
        self._console = console or Console(emoji=False)
        self._clock = clock
        self._last = clock()
        self._head: tuple[str, ...] = ()
        self._expected: int | None = None
        self._time_left = TimeLeft(n_workers=1, clock=clock)
        self._bars = Bars(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=BAR_WIDTH),
            TextColumn("{task.fields[left]}", markup=False),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._bar = self._bars.add_task(step, total=None, left="")

    def __enter__(self) -> "ShownSteps":
        self._bars.start()
        self._time_left.started(0)
        return self

    def __exit__(self, *reason: object) -> None:
        self._bars.stop()

    def expect(self, steps: int) -> None:
        """Set how many steps will come."""
        self._expected = steps
        self._time_left.expects(0, steps)
        self._bars.update(self._bar, total=steps, description=f"{self._step} 0/{steps}")

    def report(self, step: int, metrics: Mapping[str, float]) -> None:
        """Show that ``step`` is done."""
        now = self._clock()
        seconds, self._last = now - self._last, now
        self._time_left.reported(0, step)
        left = self._time_left.seconds(0)
        count = f"{step}/{self._expected}" if self._expected else str(step)
        self._bars.update(
            self._bar,
            completed=step,
            description=f"{self._step} {count}",
            left=f"{duration(left)} left" if left else "",
        )
        if step % _stride(step) == 0:
            self._line(count, metrics, seconds)

    def _line(self, count: str, metrics: Mapping[str, float], seconds: float) -> None:
        """Print a line of numbers, below a line of their names where these are new."""
        first = max(len(self._step), 2 * len(str(self._expected or 1000)) + 1)
        names = tuple(map(printable, metrics))
        widths = [max(len(name), NUMBER_WIDTH) for name in names]
        if names != self._head:
            self._head = names
            self._say([f"{self._step:>{first}}", *_right(names, widths), "seconds"])
        numbers = [f"{value:.4g}" for value in metrics.values()]
        self._say([f"{count:>{first}}", *_right(numbers, widths), f"{seconds:7.1f}"])

    def _say(self, cells: list[str]) -> None:
        line = "  ".join(cells)
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


def _right(texts: tuple[str, ...] | list[str], widths: list[int]) -> list[str]:
    return [f"{text:>{width}}" for text, width in zip(texts, widths, strict=True)]


def _stride(step: int) -> int:
    """Return the number of steps from one line to the next."""
    return 10 ** max(0, int(math.log10(max(step, 1) / MOST_LINES)) + 1) if step > MOST_LINES else 1
