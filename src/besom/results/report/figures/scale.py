"""Where the values of a parameter lie on an axis."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

LOG_RATIO = 100
"""Positive numbers whose largest is so many times their smallest are shown on a log scale."""
FEW = 8
"""So many different numbers at most are all written at the axis."""


@dataclass(frozen=True)
class Scale:
    """A parameter's axis: numbers by their size, everything else as choices side by side.

    Attributes:
        choices: the texts of a parameter that is no number, in order; empty for numbers.
        numbers: the different numbers, in order; empty for choices.
    """

    key: str
    choices: tuple[str, ...]
    numbers: tuple[float, ...]

    @classmethod
    def of(cls, key: str, values: Iterable[Any]) -> Self:
        """The scale of these values."""
        found = list(values)
        if all(map(_is_number, found)):
            return cls(key, (), tuple(sorted(set(found))))
        return cls(key, tuple(sorted(set(map(str, found)))), ())

    @property
    def differs(self) -> bool:
        return len(self.choices) + len(self.numbers) > 1

    @property
    def is_log(self) -> bool:
        return (
            len(self.numbers) > 1
            and self.numbers[0] > 0
            and self.numbers[-1] / self.numbers[0] >= LOG_RATIO
        )

    def place(self, value: Any) -> float:
        """The position of a value on a linear axis: its logarithm on a log scale."""
        if self.choices:
            return self.choices.index(str(value))
        return float(math.log10(value)) if self.is_log else float(value)

    def ticks(self) -> tuple[Sequence[float], Sequence[str]]:
        """Positions, and what is written there."""
        if self.choices:
            return range(len(self.choices)), self.choices
        marks = self.numbers if len(self.numbers) <= FEW else self._round_marks()
        return [self.place(mark) for mark in marks], list(map(_plain, marks))

    def ends(self) -> tuple[float, float]:
        """The positions of the least and the greatest value."""
        if self.choices:
            return 0, len(self.choices) - 1
        return self.place(self.numbers[0]), self.place(self.numbers[-1])

    def share(self, value: Any) -> float:
        """The position between the ends, from 0 to 1."""
        low, high = self.ends()
        return (self.place(value) - low) / (high - low)

    def _round_marks(self) -> list[float]:
        """A handful of round numbers between the ends."""
        low, high = self.ends()
        if self.is_log and high - low >= 2:
            return [10.0**power for power in range(math.ceil(low), math.floor(high) + 1)]
        if self.is_log:
            return [10 ** (low + part * (high - low) / 3) for part in range(4)]
        step = _round_up((high - low) / 5)
        first, last = math.ceil(low / step), math.floor(high / step)
        return [place * step for place in range(first, last + 1)]


def _round_up(width: float) -> float:
    """The least of 1, 2, 5, 10, … (or of 0.1, 0.2, …) that is no smaller."""
    power = 10.0 ** math.floor(math.log10(width))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= width * 0.999)


def _plain(mark: float) -> str:
    """Three digits, and no power of ten below a million: ``10000``, not ``1e+04``."""
    return str(mark) if isinstance(mark, int) else f"{float(f'{mark:.3g}'):g}"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
