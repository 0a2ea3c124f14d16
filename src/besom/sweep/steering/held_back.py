"""Ends a sweep whose first results lack the objective or a constrained metric."""

from dataclasses import dataclass

from besom.common.errors import ConfigError
from besom.sweep.jobs import Job
from besom.workers.messages import Outcome


@dataclass(frozen=True)
class Result:
    """What a job has ended with; ``outcome.error`` says what it lacks."""

    worker: int
    job: Job
    outcome: Outcome


class HeldBack:
    """Results that lack what is judged, while no trial has had it yet.

    All trials lack a name that is misspelled, and some lack what they alone leave out. Which of
    them ended first tells nothing: such results wait for all trials that have begun.

    Args:
        max_failure_rate: where all trials may fail, none that lacks it ends the sweep; the others
            fail at their first report then.

    Attributes:
        n_judged: trials that have had it.
        missing: what none of those had that had begun; empty until that is known.
        results: those that wait.
    """

    def __init__(self, n_judged: int, max_failure_rate: float) -> None:
        self.n_judged = n_judged
        self._may_all_fail = max_failure_rate >= 1
        self.missing = ""
        self.results: list[Result] = []
        self._n_running = 0

    def began(self) -> None:
        """A worker has a trial."""
        self._n_running += 1

    def stopped(self) -> None:
        """That trial has stopped, however that went; one that waits has not."""
        self._n_running -= 1

    def hold(self, result: Result) -> bool:
        """Take a result in, unless it is known already what to make of it; whether it was taken."""
        if self.n_judged or self.missing:
            return False
        self.results.append(result)
        return True

    def settled(self, n_again: int) -> list[Result]:
        """Those that need not wait any more: a trial had what they lack, or none of the others did.

        Args:
            n_again: trials that have begun and wait for a worker.
        """
        n_others = self._n_running - len(self.results) + n_again
        if not self.results or (n_others and not self.n_judged):
            return []
        if not self.n_judged:
            self.missing = self.results[0].outcome.error
        found, self.results = self.results, []
        return found

    def failure(self) -> ConfigError | None:
        """Why the sweep ends, where no other trial need be tried."""
        if not self.missing or self._may_all_fail:
            return None
        return ConfigError(
            f"{self.missing}.\n"
            "No other trial would fare better, and the sweep ends; with the right name this "
            "study goes on."
        )
