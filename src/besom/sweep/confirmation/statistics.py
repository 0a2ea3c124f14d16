"""Judges on equal seeds whether a configuration is better than the baseline, or was lucky.

The best of many noisy numbers looks too good, because it was selected. So the few best are trained
again on fresh seeds, the baseline on the same ones, and their differences are judged seed by seed:
the effect that a seed has on both cancels (paired t-test). The winner is chosen from several on the
same numbers that judge it, so its interval is widened for all of them (Bonferroni's correction).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from besom.search.options import FEWEST_SEEDS

LEVEL = 0.95

EQUAL = 1e-9
"""Differences below this fraction of the values' size are due to rounding."""


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds, and the interval that holds the true mean at ``LEVEL``."""

    mean: float
    low: float
    high: float

    @property
    def is_point(self) -> bool:
        """Whether all seeds gave the same value, up to rounding. Then nothing is known of their
        spread, and an interval of zero width would look like certainty."""
        return self.high - self.low <= EQUAL * max(abs(self.low), abs(self.high))

    def text(self, sign: str = "") -> str:
        """Return ``0.8321 (0.8251 to 0.8391)``; of a point the mean. ``+`` is for differences."""
        is_rounding = abs(self.mean) <= EQUAL * max(abs(self.low), abs(self.high))
        numbers = 0.0 if is_rounding else self.mean, self.low, self.high
        mean, low, high = (f"{number:{sign}.4g}" for number in numbers)
        return mean if self.is_point else f"{mean} ({low} to {high})"


@dataclass(frozen=True)
class ComparisonResult:
    """The comparison of the challenger, the candidate with the best mean, with the baseline.

    ``difference`` is the challenger's value minus the baseline's. ``beats`` and ``loses`` tell
    whether its interval lies on the better or the worse side of zero.
    """

    challenger: int
    value: Estimate
    baseline: Estimate
    difference: Estimate
    seeds: int
    candidates: int
    beats: bool
    loses: bool

    def sentence(self, metric: str, direction: str = "") -> str:
        """Return the comparison as a sentence.

        Args:
            direction: by which ``metric`` is judged, if the sentence has to name it.
        """
        subject = f"trial {self.challenger}"
        if self.candidates > 1:
            subject += f", the best of {self.candidates} on fresh seeds,"
        outcome = "beats the baseline" if self.beats else "is within noise of the baseline"
        if self.loses:
            outcome = "loses against the baseline"
        better = f"{'higher' if direction == 'maximize' else 'lower'} is better"
        remarks = "; ".join(filter(None, (self._intervals(), better if direction else "")))
        said = (
            f"{subject[0].upper()}{subject[1:]} {outcome}: {metric} {self.value.text()}, "
            "a difference of "
            f"{self.difference.text('+')} over the same {self.seeds} seeds"
        )
        return f"{said}{f' ({remarks})' if remarks else ''}.{self._no_spread()}"

    def _intervals(self) -> str:
        """Return what the numbers in parentheses are; empty if there are none."""
        if self.value.is_point and self.difference.is_point:
            return ""
        if self.seeds > FEWEST_SEEDS:
            return "95 % intervals"
        so_few = f"so wide with {self.seeds} seeds"
        return f"95 % intervals, {so_few} that they may leave the metric's range"

    def _no_spread(self) -> str:
        """Return a sentence if the challenger's seeds, or all, gave the same value."""
        if not self.value.is_point:
            return ""
        whose = "" if self.difference.is_point else f" trial {self.challenger}"
        seeds = "Both" if self.seeds == 2 else f"All {self.seeds}"
        return f" {seeds} seeds gave{whose} the same value, which says nothing of the spread."


def judge(
    baseline: Sequence[float], candidates: Mapping[int, Sequence[float]], direction: str
) -> ComparisonResult:
    """Find the challenger and say whether it beats the baseline.

    Args:
        baseline: its value for each seed.
        candidates: by trial number, values for the same seeds in the same order.
        direction: ``maximize`` or ``minimize``.

    Raises:
        ValueError: no candidate, fewer than ``FEWEST_SEEDS`` seeds, or unequal numbers of seeds.
    """
    if not candidates:
        raise ValueError("nothing to compare with the baseline")
    if len(baseline) < FEWEST_SEEDS or {len(v) for v in candidates.values()} != {len(baseline)}:
        raise ValueError(f"each configuration needs the same {FEWEST_SEEDS} seeds or more")
    sign = 1 if direction == "maximize" else -1
    challenger = max(candidates, key=lambda number: sign * np.mean(candidates[number]))
    difference = _difference(candidates[challenger], baseline, 1 - (1 - LEVEL) / len(candidates))
    above, below = difference.low > 0, difference.high < 0
    return ComparisonResult(
        challenger=challenger,
        value=estimate(candidates[challenger]),
        baseline=estimate(baseline),
        difference=difference,
        seeds=len(baseline),
        candidates=len(candidates),
        beats=above if sign > 0 else below,
        loses=below if sign > 0 else above,
    )


def _difference(values: Sequence[float], others: Sequence[float], level: float) -> Estimate:
    """Return the mean of the differences seed by seed, and its interval.

    If the values vary but all differences are equal, that is chance: accuracies come in steps. Then
    only the spread of each is known, so they are compared as if the seeds were not shared
    (Student's test for two samples).
    """
    differences = np.subtract(values, others)
    largest = float(np.max(np.abs([values, others])))
    if np.ptp(differences) > EQUAL * largest or max(np.ptp(values), np.ptp(others)) == 0:
        return estimate(differences.tolist(), level)
    mean = float(np.mean(differences))
    error = float(np.hypot(stats.sem(values), stats.sem(others)))
    low, high = stats.t.interval(level, 2 * len(values) - 2, loc=mean, scale=error)
    return Estimate(mean, float(low), float(high))


def estimate(values: Sequence[float], level: float = LEVEL) -> Estimate:
    """Return Student's interval for the mean of ``values``; a point if they are all equal."""
    mean, error = float(np.mean(values)), float(stats.sem(values))
    if error == 0:
        return Estimate(mean, mean, mean)
    low, high = stats.t.interval(level, len(values) - 1, loc=mean, scale=error)
    return Estimate(mean, float(low), float(high))
