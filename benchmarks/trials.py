"""The results of a peer's trials: lines that it writes when they end, and the benchmark reads."""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Trial:
    """A finished trial.

    Attributes:
        last: the validation accuracy of the last epoch.
        best: the validation accuracy of the best epoch.
        ended: seconds since 1970.
        started: seconds since 1970; 0 if it was not noted.
    """

    last: float
    best: float
    ended: float
    started: float = 0.0


def note(accuracies: Sequence[float], file: Path, started: float = 0.0) -> None:
    """Append the trial that has just ended with these validation accuracies."""
    trial = Trial(accuracies[-1], max(accuracies), time.time(), started)
    with file.open("a") as lines:
        lines.write(json.dumps(asdict(trial)) + "\n")


def read(file: Path) -> list[Trial]:
    """Return all trials, in the order in which they ended."""
    return [Trial(**json.loads(line)) for line in file.read_text().splitlines()]
