"""What the pruner can see of a sweep: the reports that hold the objective."""

from collections.abc import Mapping

from besom.search.objective import Objective, few

MOST_NAMES = 1000
"""No task means more; one may name each step's metrics anew."""


class ReportedObjective:
    """Finds the objective in reports, and says where the pruner cannot find it.

    A name that the user has given is certain. Without one it is the only name that a task returns,
    where that is reported too, or else the only one that is ever reported.

    Args:
        pruner: its name among the options.
    """

    def __init__(self, objective: Objective, pruner: str) -> None:
        self._objective = objective
        self._pruner = pruner if objective.single else "none"
        self._reported: dict[str, None] = {}
        self._returned = ""
        self._is_said = False

    def value(self, metrics: Mapping[str, float]) -> float | None:
        """The objective in a report; None where it is not there, or not to be known."""
        if not self._objective.single:
            return None
        if len(self._reported) < MOST_NAMES:
            self._reported.update(dict.fromkeys(metrics))
        return metrics.get(self._name() or "")

    def ended(self, returned: Mapping[str, float]) -> str:
        """Learn from a trial that ran to its end; one line of warning, the first time, or none."""
        if not self._objective.names and len(returned) == 1:
            (self._returned,) = returned
        if self._pruner == "none" or self._is_said or self._name() in self._reported:
            return ""
        self._is_said = True
        return f"hydra/sweeper/pruner={self._pruner} can prune nothing: the task {self._why()}"

    def _name(self) -> str | None:
        if self._objective.names:
            return self._objective.names[0]
        if self._returned in self._reported:
            return self._returned
        return next(iter(self._reported)) if len(self._reported) == 1 else None

    def _why(self) -> str:
        if not self._reported:
            return (
                "reports nothing; call besom.report(step, NAME=value) in it, or take "
                "hydra/sweeper/pruner=none."
            )
        if name := self._name():
            return (
                f"reports {few(self._reported)}, but not the objective {name}; report it too, or "
                "name another with hydra.sweeper.objective=NAME."
            )
        return (
            f"reports {few(self._reported)}, and none of them is named as the objective; name it "
            "with hydra.sweeper.objective=NAME."
        )
