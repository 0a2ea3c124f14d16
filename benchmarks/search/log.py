"""What a search has found, trial by trial: lines that a peer writes as its trials end."""

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.configurations import Configuration
from benchmarks.search.space import BASELINE


@dataclass(frozen=True)
class Found:
    """A trial that ran as far as its side wanted; pruned ones are left out.

    Attributes:
        value: validation accuracy of its best epoch.
        ended: seconds since 1970; in a :class:`Log` since the start of its search.
        seconds: that it took; 0 where its side does not say.
    """

    configuration: Configuration
    value: float
    ended: float
    seconds: float = 0.0


@dataclass(frozen=True)
class Log:
    """A whole search of one side: its trials in the order of their ends."""

    found: Sequence[Found]

    @classmethod
    def of(cls, found: Iterable[Found], started: float) -> "Log":
        """Of trials with absolute times.

        Args:
            started: seconds since 1970 when the search's command was given.
        """
        since = (
            Found(one.configuration, one.value, one.ended - started, one.seconds) for one in found
        )
        return cls(sorted(since, key=lambda one: one.ended))

    def until(self, seconds: float) -> list[Found]:
        """The trials that had ended so long after the start."""
        return [one for one in self.found if one.ended <= seconds]

    def best(self, seconds: float) -> Configuration:
        """The best then, which is what every peer recommends; the baseline where there is none."""
        ended = self.until(seconds)
        return max(ended, key=lambda one: one.value).configuration if ended else BASELINE

    def curve(self) -> list[tuple[float, float]]:
        """Seconds and best value so far, at each trial that was better than all before."""
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
    """What was noted; nothing where no trial has ended."""
    lines = file.read_text().splitlines() if file.exists() else []
    found = map(json.loads, lines)
    return [
        Found(**(one | {"configuration": Configuration(**one["configuration"])})) for one in found
    ]
