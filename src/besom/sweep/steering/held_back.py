"""Ends a sweep whose first results lack the objective or a constrained metric."""

from dataclasses import dataclass

from besom.common.errors import ConfigError
from besom.sweep.jobs import Job
from besom.workers.messages import Outcome


@dataclass(frozen=True)
class Result:
    """The outcome of a job; ``outcome.error`` says what it lacks."""

    worker: int
    job: Job
    outcome: Outcome


class HeldBack:
    """Results that lack the objective or a constrained metric, while no trial has had it yet.

    If a name is misspelled, all trials lack it; if not, only some leave it out. Which trial ended
    first does not tell the two apart, so such results wait for all trials that have begun.

    Args:
        max_failure_rate: if all trials may fail, a missing value does not end the sweep; the other
            trials then fail at their first report.

    Attributes:
        n_judged: trials that had the value.
        missing: what all trials that had begun lacked; empty until that is known.
        results: the results that wait.
    """

    def __init__(self, n_judged: int, max_failure_rate: float) -> None:
        self.n_judged = n_judged
        self._may_all_fail = max_failure_rate >= 1
        self.missing = ""
        self.results: list[Result] = []
        self._n_running = 0

    def began(self) -> None:
        """Count a trial that a worker has begun."""
        self._n_running += 1

    def stopped(self) -> None:
        """Count a trial that has stopped, however it went; one whose result waits has not."""
        self._n_running -= 1

    def hold(self, result: Result) -> bool:
        """Hold a result, unless it is known already how to treat it; return whether it is held."""
        if self.n_judged or self.missing:
            return False
        self.results.append(result)
        return True

    def settled(self, n_again: int) -> list[Result]:
        """Release the results once a trial had what they lack, or all trials that ran lacked it.

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
        """Return why the sweep ends, if no other trial need be tried."""
        if not self.missing or self._may_all_fail:
            return None
        return ConfigError(
            f"{self.missing}.\n"
            "Every other trial would fail likewise, so the sweep ends; with the right name this "
            "study goes on."
        )
