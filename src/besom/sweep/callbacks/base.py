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
    """Is told what happens in a sweep: derive from it, and define the methods that you need.

    ``hydra.sweeper.callbacks`` names it, with the arguments of its constructor. It is made in the
    process of the sweep, before anything is started, and called there in a thread of its own, after
    the fact and in order: it cannot hold up or change the sweep. What it raises is printed once.
    Confirmations are told as trials are, with the role ``confirmation``.

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
        """A sweep begins, or goes on."""

    def on_trial_start(self, trial: TrialStarted) -> None:
        """An attempt at a trial begins."""

    def on_report(self, report: TrialReported) -> None:
        """A trial has reported metrics."""

    def on_trial_end(self, trial: TrialEnded) -> None:
        """A trial has ended for good; one that is interrupted has not."""

    def on_verdict(self, verdict: VerdictReached) -> None:
        """The confirmation has come to its verdict."""

    def on_study_end(self, study: StudyEnded) -> None:
        """A sweep ends, however. Not called where its process is killed."""
