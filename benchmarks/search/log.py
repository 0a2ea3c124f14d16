"""The log of a search: a line for each trial, which a peer writes when the trial ends."""

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.configurations import Configuration
from benchmarks.search.space import BASELINE


@dataclass(frozen=True)
class Found:
    """A completed trial; pruned ones are left out.

    Attributes:
        value: the validation accuracy of its best epoch.
        ended: its end, in seconds since 1970; in a :class:`Log`, since the start of the search.
        seconds: its duration; 0 if its side does not record it.
    """

    configuration: Configuration
    value: float
    ended: float
    seconds: float = 0.0


@dataclass(frozen=True)
class Log:
    """A search of one side: its completed trials in the order of their ends."""

    found: Sequence[Found]

    @classmethod
    def of(cls, found: Iterable[Found], started: float) -> "Log":
        """Return the log of trials with absolute times.

        Args:
            started: the start of the search's command, in seconds since 1970.
        """
        since = (
            Found(one.configuration, one.value, one.ended - started, one.seconds) for one in found
        )
        return cls(sorted(since, key=lambda one: one.ended))

    def until(self, seconds: float) -> list[Found]:
        """Return the trials that had ended ``seconds`` after the start."""
        return [one for one in self.found if one.ended <= seconds]

    def best(self, seconds: float) -> Configuration:
        """Return what a peer recommends then: the best ended trial, or the baseline if none has."""
        ended = self.until(seconds)
        return max(ended, key=lambda one: one.value).configuration if ended else BASELINE

    def curve(self) -> list[tuple[float, float]]:
        """Return the seconds and the value of each trial that was better than all before it."""
        points: list[tuple[float, float]] = []
        for one in self.found:
            if not points or one.value > points[-1][1]:
                points.append((round(one.ended, 1), one.value))
        return points


def note(configuration: Configuration, value: float, file: Path) -> None:
    """Append the trial that has just ended. Two processes may write to one file."""
    found = asdict(Found(configuration, value, time.time()))
    with file.open("a") as lines:
        lines.write(json.dumps(found) + "\n")


def read(file: Path) -> list[Found]:
    """Return the noted trials; none if the file is missing."""
    lines = file.read_text().splitlines() if file.exists() else []
    found = map(json.loads, lines)
    return [
        Found(**(one | {"configuration": Configuration(**one["configuration"])})) for one in found
    ]
