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
"""The number of metric names that are remembered. A task may invent new names at each step."""


NOTHING: Mapping[str, str] = MappingProxyType({})


class NoObjective(ValueError):
    """The objective is missing from a task's metrics, and so from those of any other trial."""


@dataclass(frozen=True)
class Objective:
    """The objectives of a study. If ``names`` is empty, they are the task's metrics in order."""

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
        """For people: ``loss, minimize``, or ``loss (minimize), accuracy (maximize)``."""
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
        """Return a task's metrics by name; plain numbers get the names of the objectives.

        Args:
            returned: what the task returned; plain numbers have the names of :func:`unnamed`.
            reported: the last report of each metric, used for those that are not returned.
            asked_for: metrics that are needed besides the objectives.
        """
        if self.names and tuple(returned) == unnamed(len(self.names)):
            returned = dict(zip(self.names, returned.values(), strict=True))
        stand_ins = {name: reported[name] for name in (*self.names, *asked_for) if name in reported}
        return {**stand_ins, **returned}

    def values(
        self, numbers: Mapping[str, float], left_out: Mapping[str, str] = NOTHING
    ) -> tuple[float, ...]:
        """Return the values of the objectives among a task's metrics; see :meth:`named`.

        Args:
            left_out: values that the task returned and that are not numbers, as text.

        Raises:
            NoObjective: an objective is missing, or there are too many values.
            ValueError: a value is infinite or not a number, or nothing was returned.
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
        """Return the value in a report that the pruner gets; None if the objective is not in it."""
        if not self.single:
            return None
        if self.names:
            return metrics.get(self.names[0])
        return next(iter(metrics.values())) if len(metrics) == 1 else None


class ReportedObjective:
    """Finds the objective in reports, and warns if the pruner cannot find it.

    If the user has named the objective, that name counts. Otherwise it is the only metric that the
    task returns, if that is reported too, or else the only metric that is ever reported.

    Args:
        pruner: the pruner's name among the options.
    """

    def __init__(self, objective: Objective, pruner: str) -> None:
        self._objective = objective
        self._pruner = pruner if objective.single else "none"
        self._reported: dict[str, None] = {}
        self._returned = ""
        self._is_said = False

    def value(self, metrics: Mapping[str, float]) -> float | None:
        """Return the objective in a report; None if it is not in it, or its name is not known."""
        if not self._objective.single:
            return None
        if len(self._reported) < MOST_REPORTED:
            self._reported.update(dict.fromkeys(metrics))
        return metrics.get(self._name() or "")

    def ended(self, returned: Mapping[str, float]) -> str:
        """Learn the objective's name from a trial that ran to its end.

        Returns:
            A warning if the pruner can prune nothing, the first time; otherwise an empty string.
        """
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
    """Refuse a metric that the task returned as something other than a number.

    Raises:
        ValueError: ``name`` is in ``left_out``; says what was returned.
    """
    if name in left_out:
        raise ValueError(f"{what} is {left_out[name]}, which is no number")


def is_judged(trial: FrozenTrial) -> bool:
    """Return whether a value of the trial's objective has been used: as a result or by a pruner."""
    return trial.state in (TrialState.COMPLETE, TrialState.PRUNED) or any(
        key.startswith("completed_rung") for key in trial.system_attrs
    )


def as_directions(names: Iterable[str]) -> list[StudyDirection]:
    """Return ``minimize`` and ``maximize`` as Optuna's directions."""
    return [StudyDirection[name.upper()] for name in names]


def rank(values: Sequence[Sequence[float]], directions: Sequence[str]) -> list[int]:
    """Return each row's rank: 0 if no row is better, 1 if only rows of rank 0 are, and so on.

    With several objectives, a row is better if it dominates the other (Deb et al., 2002).
    """
    if not values:
        return []
    signs = [-1.0 if direction == "maximize" else 1.0 for direction in directions]
    ranks: list[int] = _fast_non_domination_rank(np.multiply(values, signs)).tolist()
    return ranks


def read_objective(objective: Any, direction: Any) -> Objective:
    """Read the options ``hydra.sweeper.objective`` and ``direction``, each a name or a list.

    Raises:
        ConfigError: a direction is unknown, the numbers of names and directions differ, or a name
            is repeated.
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
