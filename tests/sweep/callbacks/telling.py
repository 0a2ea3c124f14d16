"""Callbacks as users write them; tests copy this module to the working folder of a sweep."""

from pathlib import Path
from typing import Any

import besom


class Rows(besom.Callback):
    """Appends each row's repr to a file, one line per row."""

    def __init__(self, path: str = "rows.txt") -> None:
        self.path = Path(path).absolute()

    def _keep(self, row: Any) -> None:
        with self.path.open("a") as stream:
            stream.write(f"{row!r}\n")

    on_study_start = on_trial_start = on_report = on_trial_end = _keep
    on_verdict = on_study_end = _keep


class Raising(besom.Callback):
    def on_trial_end(self, trial: besom.TrialEnded) -> None:
        raise ValueError(f"trial {trial.number} is not to my liking")


class Exiting(besom.Callback):
    def __init__(self, at_once: bool = False) -> None:
        if at_once:
            raise SystemExit("at once")

    def on_study_start(self, study: besom.StudyStarted) -> None:
        raise SystemExit(3)


class Picky(besom.Callback):
    def __init__(self, size: int) -> None:
        if size < 1:
            raise ValueError("size is below 1")


class NoCallback:
    pass


def rows(**arguments: Any) -> besom.Callback:
    return Rows(**arguments)


def number() -> int:
    return 3
