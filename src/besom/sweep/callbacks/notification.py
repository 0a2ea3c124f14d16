"""Chooses the events of a sweep that are worth a message, and writes its text."""

from abc import abstractmethod
from collections.abc import Sequence

from besom.common.errors import ConfigError
from besom.common.flatten import short_text
from besom.common.suggest import did_you_mean
from besom.common.text import show
from besom.sweep.callbacks.base import Callback
from besom.sweep.callbacks.rows import StudyEnded, TrialEnded, VerdictReached

EVENTS = ("end", "verdict", "failed")
"""The end of a sweep, its verdict, and each trial or confirmation that has failed."""

Row = StudyEnded | VerdictReached | TrialEnded


class Notification(Callback):
    """Base class of callbacks that send a message for chosen events.

    Args:
        events: some of :data:`EVENTS`.
        timeout: seconds that a server has to answer.
    """

    def __init__(self, events: Sequence[str], timeout: float) -> None:
        chosen = (events,) if isinstance(events, str) else tuple(events)
        for event in chosen:
            if event not in EVENTS:
                hint = did_you_mean(str(event), EVENTS, f"there are {', '.join(EVENTS)}")
                raise ConfigError(f"events={event}: {hint}")
        if not chosen:
            raise ConfigError(f"events=[]: nothing would be sent; take {', '.join(EVENTS)}")
        if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not timeout > 0:
            raise ConfigError(f"timeout={timeout}: must be above 0 seconds")
        self._events = chosen
        self._timeout = timeout

    @abstractmethod
    def send(self, event: str, row: Row, subject: str, text: str) -> None:
        """Send a message, or raise a ``UserError`` that names no secret."""

    def on_trial_end(self, trial: TrialEnded) -> None:
        if trial.state == "failed" and "failed" in self._events:
            subject = f"{trial.study}: {_name(trial)} failed"
            self.send("failed", trial, subject, f"{subject}: {trial.error or 'no reason known'}")

    def on_verdict(self, verdict: VerdictReached) -> None:
        if "verdict" in self._events:
            text = " ".join(
                filter(None, (f"{verdict.study}: {verdict.sentence}", verdict.champion))
            )
            self.send("verdict", verdict, f"{verdict.study}: verdict", text)

    def on_study_end(self, study: StudyEnded) -> None:
        if "end" in self._events:
            subject = f"{study.study}: sweep {study.status}"
            self.send("end", study, subject, _told_of_end(study))


def _name(trial: TrialEnded) -> str:
    if trial.seed is None:
        return f"trial {trial.number}"
    return f"confirmation of trial {trial.number} on seed {trial.seed}"


def _told_of_end(study: StudyEnded) -> str:
    counts = (
        f"{study.n_complete} complete, {study.n_pruned} pruned, {study.n_failed} failed, "
        f"{study.n_left} left"
    )
    lines = [f"{study.study}: sweep {study.status}; {counts}."]
    lines += [f"It ended with: {study.error}"] if study.error else []
    for trial in study.best:
        values = ", ".join(f"{name} {show(value)}" for name, value in trial.values.items())
        lines.append(f"Best: trial {trial.number}, {values}  {short_text(trial.params)}".rstrip())
    return "\n".join([*lines, *([study.verdict] if study.verdict else [])])
