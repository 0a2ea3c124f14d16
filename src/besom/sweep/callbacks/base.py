"""The class that callbacks derive from."""

from besom.sweep.callbacks.rows import (
    StudyEnded,
    StudyStarted,
    TrialEnded,
    TrialReported,
    TrialStarted,
    VerdictReached,
)


class Callback:
    """Base class of callbacks, which are told what happens in a sweep. Define the methods you need.

    ``hydra.sweeper.callbacks`` names the class, with the arguments of its constructor. The callback
    is made in the process of the sweep, before anything is started. Its methods are called there in
    a separate thread, after each event and in order, so they cannot delay or change the sweep. Only
    the first exception that it raises is printed. Confirmations are told as trials are, with the
    role ``confirmation``.

    Examples:
        >>> class Best(besom.Callback):
        ...     def on_trial_end(self, trial: besom.TrialEnded) -> None:
        ...         if trial.role != "confirmation" and trial.state == "complete":
        ...             print(trial.number, trial.values, trial.params)
        >>> ended = besom.TrialEnded("wide", 3, "trial", {"x": 1}, "complete", {"y": 2})
        >>> Best().on_trial_end(ended)
        3 {'y': 2} {'x': 1}
    """

    def on_study_start(self, study: StudyStarted) -> None:
        """Called when a sweep begins or is resumed."""

    def on_trial_start(self, trial: TrialStarted) -> None:
        """Called when an attempt at a trial begins."""

    def on_report(self, report: TrialReported) -> None:
        """Called when a trial has reported metrics."""

    def on_trial_end(self, trial: TrialEnded) -> None:
        """Called when a trial has ended for good; not when it is interrupted."""

    def on_verdict(self, verdict: VerdictReached) -> None:
        """Called when the confirmation has reached its verdict."""

    def on_study_end(self, study: StudyEnded) -> None:
        """Called when a sweep ends, for whatever reason; not if its process is killed."""
