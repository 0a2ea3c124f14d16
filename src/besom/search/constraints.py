"""What a trial's numbers must keep to for it to be the best: ``{model_bytes: "<= 4e6"}``.

One judge for all that ranks trials: sweeps ask it about what stands with a trial, readers of a
record about what stands with its run. No Optuna: readers import this.
"""

import math
import operator
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from besom.common.errors import ConfigError
from besom.common.text import show

NODE = "hydra.sweeper.constraints"
COMPARISONS = {"<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt}
WRITTEN = re.compile(r"\s*(<=|>=|<|>)\s*(\S+)\s*")
UNKNOWN = 1.0
"""How far a complete trial counts as beyond a bound where its number is not known."""


@dataclass(frozen=True)
class Constraint:
    """A metric and its bound, ``text`` as the user wrote them: ``<= 4e6``."""

    metric: str
    comparison: str
    bound: float
    text: str

    @classmethod
    def read(cls, metric: str, text: Any) -> "Constraint":
        """What ``text`` means.

        Raises:
            ConfigError: it is no comparison with a number.
        """
        found = WRITTEN.fullmatch(text) if isinstance(text, str) else None
        try:
            bound = float(found[2]) if found else math.nan
        except ValueError:
            bound = math.nan
        if found is None or not math.isfinite(bound):
            raise ConfigError(
                f"{NODE}.{metric}: {text!r} is no comparison with a number; write it as '<= 4e6', "
                "with <=, <, >= or >."
            )
        return cls(metric, found[1], bound, text.strip())

    def allows(self, value: float) -> bool:
        """Whether a value keeps to it; NaN does not."""
        return bool(COMPARISONS[self.comparison](value, self.bound))

    def violation(self, value: float) -> float:
        """How far a value is beyond the bound; at most 0 where it is allowed, as Optuna has it."""
        beyond = value - self.bound if "<" in self.comparison else self.bound - value
        if self.allows(value):
            return max(beyond, -sys.float_info.max)
        return min(max(sys.float_info.min, beyond), sys.float_info.max)  # of NaN, too


@dataclass(frozen=True)
class Constraints:
    """All of a sweep's constraints; none by default."""

    each: tuple[Constraint, ...] = ()

    @classmethod
    def read(cls, given: Mapping[str, Any] | None) -> "Constraints":
        """The option ``hydra.sweeper.constraints``: metric to comparison.

        Raises:
            ConfigError: one is no comparison with a number.
        """
        return cls(tuple(Constraint.read(*item) for item in _leaves(given or {})))

    def __bool__(self) -> bool:
        return bool(self.each)

    @property
    def metrics(self) -> tuple[str, ...]:
        return tuple(one.metric for one in self.each)

    @property
    def texts(self) -> dict[str, str]:
        """As they were written, by metric; :meth:`read` reads it."""
        return {one.metric: one.text for one in self.each}

    def __str__(self) -> str:
        """``model_bytes <= 4e6, latency_ms <= 5``."""
        return ", ".join(f"{metric} {text}" for metric, text in self.texts.items())

    def measured(self, numbers: Mapping[str, float]) -> dict[str, float]:
        """Those of ``numbers`` that are constrained."""
        return {metric: numbers[metric] for metric in self.metrics if metric in numbers}

    def missing(self, numbers: Mapping[str, float]) -> list[str]:
        """The metrics that are constrained and not among ``numbers``."""
        return [metric for metric in self.metrics if metric not in numbers]

    def why_infeasible(self, numbers: Mapping[str, float], is_complete: bool) -> str:
        """Why a trial cannot be the best: ``model_bytes 5120000, not <= 4e6``; empty where it can.

        Args:
            numbers: what stands with it.
            is_complete: whether it ran to its end; what is not known of one that did is held
                against it.
        """
        if not self.each:  # asked for each row that is read
            return ""
        reasons = [
            f"{one.metric} {show(float(numbers[one.metric]))}, not {one.text}"
            for one in self.each
            if one.metric in numbers and not one.allows(numbers[one.metric])
        ]
        unknown = self.missing(numbers) if is_complete else []
        return "; ".join([*reasons, *(f"{metric} not known" for metric in unknown)])

    def violations(self, numbers: Mapping[str, float], is_complete: bool) -> dict[str, float]:
        """By metric how far a trial is from what is allowed, see :meth:`Constraint.violation`.

        Of a trial that did not run to its end, only what is known.
        """
        return {
            one.metric: one.violation(numbers[one.metric]) if one.metric in numbers else UNKNOWN
            for one in self.each
            if is_complete or one.metric in numbers
        }


NONE = Constraints()


def _leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted names: a dot in ``hydra.sweeper.constraints.test.loss`` makes a mapping."""
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
