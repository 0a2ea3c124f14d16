"""Which of a task's numbers is the objective, and whether more of it is better."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from besom.errors import ConfigError

DIRECTIONS = ("minimize", "maximize")


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

    def values(self, returned: Mapping[str, float]) -> tuple[float, ...]:
        """The objective's values among what a task returned.

        Raises:
            ValueError: one is missing, too many, not a number, or infinite.
        """
        names = self.names or tuple(returned)
        if len(names) != len(self.directions):
            raise ValueError(
                f"the task returned {len(returned)} values ({', '.join(returned)}) for "
                f"{len(self.directions)} direction(s); name one in hydra.sweeper.objective"
            )
        if missing := [name for name in names if name not in returned]:
            raise ValueError(
                f"the task returned {', '.join(returned)}, but not the objective {missing[0]}; "
                "set hydra.sweeper.objective to one of these"
            )
        for name in names:
            if not math.isfinite(returned[name]):
                raise ValueError(f"the objective {name} is {returned[name]}")
        return tuple(returned[name] for name in names)

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


def unnamed(count: int) -> tuple[str, ...]:
    """What so many objectives are called whose task gives them no names."""
    return tuple(f"objective_{i}" if i else "objective" for i in range(count))


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
