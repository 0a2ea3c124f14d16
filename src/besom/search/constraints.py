"""Bounds that a trial's metrics must satisfy for it to be the best: ``{model_bytes: "<= 4e6"}``.

Everything that ranks trials uses this module: a sweep with the metrics kept with a trial, a reader
of the record with those of its run. It does not import Optuna, since readers import it.
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
"""The violation of a complete trial whose metric is not known."""


@dataclass(frozen=True)
class Constraint:
    """A metric and its bound; ``text`` is the bound as the user wrote it: ``<= 4e6``."""

    metric: str
    comparison: str
    bound: float
    text: str

    @classmethod
    def read(cls, metric: str, text: Any) -> "Constraint":
        """Read a constraint from ``text``.

        Raises:
            ConfigError: it is not a comparison with a number.
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
        """Return whether a value satisfies the constraint; NaN does not."""
        return bool(COMPARISONS[self.comparison](value, self.bound))

    def violation(self, value: float) -> float:
        """Return how far a value is beyond the bound; as for Optuna, at most 0 if it is allowed."""
        beyond = value - self.bound if "<" in self.comparison else self.bound - value
        if self.allows(value):
            return max(beyond, -sys.float_info.max)
        return min(max(sys.float_info.min, beyond), sys.float_info.max)  # finite, also for NaN


@dataclass(frozen=True)
class Constraints:
    """All constraints of a sweep; none by default."""

    each: tuple[Constraint, ...] = ()

    @classmethod
    def read(cls, given: Mapping[str, Any] | None) -> "Constraints":
        """Read the option ``hydra.sweeper.constraints``, which maps metrics to comparisons.

        Raises:
            ConfigError: one is not a comparison with a number.
        """
        return cls(tuple(Constraint.read(*item) for item in _leaves(given or {})))

    def __bool__(self) -> bool:
        return bool(self.each)

    @property
    def metrics(self) -> tuple[str, ...]:
        return tuple(one.metric for one in self.each)

    @property
    def texts(self) -> dict[str, str]:
        """The comparisons as they were written, by metric; :meth:`read` reads them again."""
        return {one.metric: one.text for one in self.each}

    def __str__(self) -> str:
        """``model_bytes <= 4e6, latency_ms <= 5``."""
        return ", ".join(f"{metric} {text}" for metric, text in self.texts.items())

    def measured(self, numbers: Mapping[str, float]) -> dict[str, float]:
        """Return the constrained metrics among ``numbers``."""
        return {metric: numbers[metric] for metric in self.metrics if metric in numbers}

    def missing(self, numbers: Mapping[str, float]) -> list[str]:
        """Return the constrained metrics that are not among ``numbers``."""
        return [metric for metric in self.metrics if metric not in numbers]

    def why_infeasible(self, numbers: Mapping[str, float], is_complete: bool) -> str:
        """Return why a trial is infeasible: ``model_bytes 5120000, not <= 4e6``; empty if feasible.

        Args:
            numbers: the trial's metrics.
            is_complete: whether the trial ran to its end. If it did, a constrained metric that is
                not known counts as violated.
        """
        if not self.each:  # this is called for each row that is read
            return ""
        reasons = [
            f"{one.metric} {show(float(numbers[one.metric]))}, not {one.text}"
            for one in self.each
            if one.metric in numbers and not one.allows(numbers[one.metric])
        ]
        unknown = self.missing(numbers) if is_complete else []
        return "; ".join([*reasons, *(f"{metric} not known" for metric in unknown)])

    def violations(self, numbers: Mapping[str, float], is_complete: bool) -> dict[str, float]:
        """Return by metric how far a trial is beyond its bounds; see :meth:`Constraint.violation`.

        A trial that did not run to its end has only the violations of metrics that are known.
        """
        return {
            one.metric: one.violation(numbers[one.metric]) if one.metric in numbers else UNKNOWN
            for one in self.each
            if is_complete or one.metric in numbers
        }


NONE = Constraints()


def _leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield dotted names and values: the dot in ``constraints.test.loss`` has made a mapping."""
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
