"""What Optuna draws from, for each sweep that Hydra's grammar can write."""

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from hydra.core.override_parser.types import IntervalSweep, RangeSweep
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from besom.common.suggest import is_mistyped

Scalar = None | bool | int | float | str

MOST_POINTS = 100_000
"""Of a range: a grid makes all of them."""

LARGEST_WHOLE = 2**53
"""Optuna proposes whole numbers as floating-point ones, which hold every one up to here."""


def distribution_of(value: Any, choices: Sequence[Scalar]) -> BaseDistribution:
    """What Optuna draws from.

    Args:
        value: a sweep as Hydra's parser has read it.
        choices: its values, where it is a choice.

    Raises:
        ValueError: it is empty, endless, or too large.
    """
    if isinstance(value, IntervalSweep):
        return _interval(value)
    if isinstance(value, RangeSweep):
        return _range(value)
    if not choices:
        raise ValueError("it has no choices")
    return CategoricalDistribution(choices)


def _interval(sweep: IntervalSweep) -> BaseDistribution:
    low, high = sweep.start, sweep.end
    if misspelled := [tag for tag in sorted(sweep.tags) if is_mistyped(tag, ["log"])]:
        raise ValueError(f"no tag `{misspelled[0]}`; did you mean `log`?")
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError("both ends must be finite numbers")
    if low >= high:
        raise ValueError(f"the lower end {low} must be below the upper end {high}")
    if not math.isfinite(high - low):
        raise ValueError(f"{low} and {high} are too far apart for a floating-point number")
    log = "log" in sweep.tags
    if log and low <= 0:
        raise ValueError(f"a log scale needs a lower end above 0, not {low}")
    if isinstance(low, int) and isinstance(high, int):  # written int(interval(…))
        return _whole(low, high, log=log)
    return FloatDistribution(low, high, log=log)


def _range(sweep: RangeSweep) -> BaseDistribution:
    start, stop, step = sweep.start, sweep.stop, sweep.step
    if start is None or stop is None or not all(map(math.isfinite, (start, stop, step))):
        raise ValueError("start, stop and step must be finite numbers")
    if step == 0 or (stop - start) * step <= 0:
        raise ValueError(
            "it is empty; write range(start,stop,step=s) with start < stop and s > 0, or the other "
            "way round"
        )
    if "log" in sweep.tags:
        raise ValueError("a range has no log scale; write tag(log,interval(…))")
    n_points, last = _points(start, stop, step)
    if n_points > MOST_POINTS:
        raise ValueError(f"it has more than {MOST_POINTS:,} points; use interval(…) instead")
    low, high = sorted((start, last))
    if isinstance(start, int) and isinstance(stop, int) and isinstance(step, int):
        return _whole(int(low), int(high), step=abs(step))
    return FloatDistribution(float(low), float(high), step=abs(float(step)))


def _whole(low: int, high: int, step: int = 1, log: bool = False) -> IntDistribution:
    if max(-low, high) > LARGEST_WHOLE:
        raise ValueError(f"whole numbers go from {-LARGEST_WHOLE} to {LARGEST_WHOLE}")
    return IntDistribution(low, high, log=log, step=step)


def _points(start: float, stop: float, step: float) -> tuple[int, Decimal]:
    """How many points a range has, and the last one. The end is excluded, as in Hydra.

    In decimals, as the numbers were written: 0.6 + 1 is 1.6, and 0.8 is no point of
    range(0,0.8,step=0.1). Hydra's own sum of binary fractions misses both, and Optuna would leave
    out a last point that is not a multiple of the step to the last digit.
    """
    first, end, by = (Decimal(str(number)) for number in (start, stop, step))
    n_points = math.ceil((end - first) / by)
    return n_points, first + (n_points - 1) * by
