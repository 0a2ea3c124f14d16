"""Finds the objective among the numbers that a task returns or reports."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from optuna.study import StudyDirection
from optuna.study._multi_objective import _fast_non_domination_rank
from optuna.trial import FrozenTrial, TrialState

from besom.common.errors import ConfigError
from besom.common.suggest import suggestion
from besom.common.text import few, unnamed

DIRECTIONS = ("minimize", "maximize")
MOST_REPORTED = 1000
"""No task means more; one may name each step's metrics anew."""


NOTHING: Mapping[str, str] = MappingProxyType({})


class NoObjective(ValueError):
    """The objective is not among a task's numbers, and so in no other trial of it either."""


@dataclass(frozen=True)
class Objective:
    """``names`` may be empty: then the task's numbers count in their order."""

    names: tuple[str, ...]
    directions: tuple[str, ...]

    @property
    def single(self) -> bool:
        return len(self.directions) == 1

    @property
    def label(self) -> str:
        return ", ".join(self.names) or "objective"

    @property
    def described(self) -> str:
        """``loss, minimize``; of several, ``loss (minimize), accuracy (maximize)``."""
        if len(self.names) > 1:
            pairs = zip(self.names, self.directions, strict=True)
            return ", ".join(f"{name} ({direction})" for name, direction in pairs)
        return ", ".join((*(self.names or ("what the task returns",)), *self.directions))

    def named(
        self,
        returned: Mapping[str, float],
        reported: Mapping[str, float],
        asked_for: Sequence[str] = (),
    ) -> dict[str, float]:
        """A task's numbers under the objectives' names: plain numbers are the named objectives.

        Args:
            returned: what it returned; plain numbers under the names of :func:`unnamed`.
            reported: the last report of each metric: it stands in for what is not returned.
            asked_for: what is wanted beside the objectives.
        """
        if self.names and tuple(returned) == unnamed(len(self.names)):
            returned = dict(zip(self.names, returned.values(), strict=True))
        stand_ins = {name: reported[name] for name in (*self.names, *asked_for) if name in reported}
        return {**stand_ins, **returned}

    def values(
        self, numbers: Mapping[str, float], left_out: Mapping[str, str] = NOTHING
    ) -> tuple[float, ...]:
        """The objective's values among a task's numbers, see :meth:`named`.

        Args:
            left_out: what it returned beside them, as text.

        Raises:
            NoObjective: one is missing, or there are too many.
            ValueError: one is infinite, or not a number.
        """
        names = self.names or (*numbers, *left_out)
        if not numbers:
            raise ValueError(
                "the task returned nothing; it must return a number, a list of numbers, or a "
                "mapping of names to numbers"
            )
        if len(names) != len(self.directions):
            raise NoObjective(
                f"the task returned {len(names)} values ({few(names)}) for "
                f"{len(self.directions)} direction(s); name one in hydra.sweeper.objective"
            )
        if not self.names and not self.single and tuple(numbers) != unnamed(len(numbers)):
            raise NoObjective(
                f"the task returned {few(numbers)} by name, and {len(self.directions)} directions "
                "have none; give hydra.sweeper.objective=[NAME,…] in their order"
            )
        if missing := [name for name in names if name not in numbers]:
            refuse_left_out(f"the objective {missing[0]}", missing[0], left_out)
            near = suggestion(missing[0], [*numbers, *left_out])
            remedy = f"did you mean {near}?" if near else "set it to one of these"
            raise NoObjective(
                f"the task returned {few(numbers)}, but not the objective {missing[0]}; "
                f"hydra.sweeper.objective: {remedy}"
            )
        for name in names:
            if not math.isfinite(numbers[name]):
                called = f"the objective {name}" if self.names else "the objective"
                raise ValueError(f"{called} is {numbers[name]}")
        return tuple(numbers[name] for name in names)

    def intermediate(self, metrics: Mapping[str, float]) -> float | None:
        """What the pruner sees of a report; None where the objective is not in it."""
        if not self.single:
            return None
        if self.names:
            return metrics.get(self.names[0])
        return next(iter(metrics.values())) if len(metrics) == 1 else None


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
        if len(self._reported) < MOST_REPORTED:
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


def refuse_left_out(what: str, name: str, left_out: Mapping[str, str]) -> None:
    """Refuse what the task returned under a name, if not as a number.

    Raises:
        ValueError: it did; says as what.
    """
    if name in left_out:
        raise ValueError(f"{what} is {left_out[name]}, which is no number")


def is_judged(trial: FrozenTrial) -> bool:
    """Whether its objective has counted for something: as a result, or as a report."""
    return trial.state in (TrialState.COMPLETE, TrialState.PRUNED) or any(
        key.startswith("completed_rung") for key in trial.system_attrs
    )


def as_directions(names: Iterable[str]) -> list[StudyDirection]:
    """``minimize`` and ``maximize`` as Optuna's own."""
    return [StudyDirection[name.upper()] for name in names]


def rank(values: Sequence[Sequence[float]], directions: Sequence[str]) -> list[int]:
    """For each row of objectives 0 where none is better, 1 where only such are, and so on; with
    several objectives, one is better that dominates it (Deb et al., 2002)."""
    if not values:
        return []
    signs = [-1.0 if direction == "maximize" else 1.0 for direction in directions]
    ranks: list[int] = _fast_non_domination_rank(np.multiply(values, signs)).tolist()
    return ranks


def read_objective(objective: Any, direction: Any) -> Objective:
    """The options ``hydra.sweeper.objective`` and ``direction``, each a name or a list.

    Raises:
        ConfigError: an unknown direction, as many names as there are not directions, or one name
            twice.
    """
    directions = _listed(direction)
    if not directions:
        raise ConfigError("hydra.sweeper.direction=[]: take minimize or maximize.")
    names = _listed(objective) if objective is not None else ()
    for given in directions:
        if given not in DIRECTIONS:
            raise ConfigError(f"hydra.sweeper.direction={given}: take minimize or maximize.")
    if names and len(names) != len(directions):
        raise ConfigError(
            f"hydra.sweeper.objective names {len(names)} value(s) for {len(directions)} "
            "direction(s); give each objective its direction."
        )
    if repeated := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
        raise ConfigError(
            f"hydra.sweeper.objective=[{','.join(names)}]: names {repeated[0]} more than once; "
            "name each objective once, with one direction."
        )
    return Objective(names, directions)


def _listed(value: Any) -> tuple[str, ...]:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(map(str, value))
    return (str(getattr(value, "name", value)),)
