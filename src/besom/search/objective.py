"""Which of a task's numbers is the objective, and whether more of it is better."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from besom.common.errors import ConfigError
from besom.common.text import unnamed

DIRECTIONS = ("minimize", "maximize")
MOST_SHOWN = 8


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

    def values(self, numbers: Mapping[str, float]) -> tuple[float, ...]:
        """The objective's values among a task's numbers, see :meth:`named`.

        Raises:
            NoObjective: one is missing, or there are too many.
            ValueError: one is infinite, or not a number.
        """
        names = self.names or tuple(numbers)
        if not numbers:
            raise ValueError(
                "the task returned nothing; it must return a number, a list of numbers, or a "
                "mapping of names to numbers"
            )
        if len(names) != len(self.directions):
            raise NoObjective(
                f"the task returned {len(numbers)} values ({few(numbers)}) for "
                f"{len(self.directions)} direction(s); name one in hydra.sweeper.objective"
            )
        if not self.names and not self.single and tuple(numbers) != unnamed(len(numbers)):
            raise NoObjective(
                f"the task returned {few(numbers)} by name, and {len(self.directions)} directions "
                "have none; give hydra.sweeper.objective=[NAME,…] in their order"
            )
        if missing := [name for name in names if name not in numbers]:
            raise NoObjective(
                f"the task returned {few(numbers)}, but not the objective {missing[0]}; "
                "set hydra.sweeper.objective to one of these"
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

    def better(self, value: float, other: float) -> bool:
        """Whether ``value`` beats ``other``; for a single objective."""
        return value > other if self.directions[0] == "maximize" else value < other


def few(names: Iterable[str]) -> str:
    """Names for a message: the first of them, and how many there are beside these."""
    known = list(names)
    more = len(known) - MOST_SHOWN
    return ", ".join(known[:MOST_SHOWN]) + (f" and {more:,} more" if more > 0 else "")


def read_objective(objective: Any, direction: Any) -> Objective:
    """The options ``hydra.sweeper.objective`` and ``direction``, each a name or a list.

    Raises:
        ConfigError: an unknown direction, or as many names as there are not directions.
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
    return Objective(names, directions)


def _listed(value: Any) -> tuple[str, ...]:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(map(str, value))
    return (str(getattr(value, "name", value)),)
