"""The search space: Hydra's sweep grammar, read by Hydra's parser, as Optuna distributions."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import (
    Glob,
    IntervalSweep,
    Override,
    Quote,
    QuotedString,
    RangeSweep,
    Sweep,
    Transformer,
)
from hydra.errors import OverrideParseException
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from besom.errors import SpaceError
from besom.explain import explain

# What Hydra's grammar reads as a string without quotes, names of group options among it.
_WORD = re.compile(r"(?!(?:null|true|false|nan|inf)$)[A-Za-z_][\w./-]*", re.IGNORECASE)

Scalar = None | bool | int | float | str

MOST_POINTS = 100_000
"""Of a range: a grid makes all of them."""

LARGEST_WHOLE = 2**53
"""Optuna proposes whole numbers as floating-point ones, which hold every one up to here."""


@dataclass(frozen=True)
class Dimension:
    """One parameter that is searched.

    Attributes:
        key: the dotted key or config group, as Optuna and MLflow name it: ``model.units``.
        element: the key as an override has it, with ``+`` or a package where given.
        text: the expression as the user wrote it: ``range(8,65,step=8)``.
        distribution: the same for Optuna.
        spellings: for choices, how each value is written in an override.
    """

    key: str
    element: str
    text: str
    distribution: BaseDistribution
    spellings: Mapping[Scalar, str]

    def override(self, value: Scalar) -> str:
        """The Hydra override that sets this parameter to ``value``."""
        spelling = self.spellings[value] if self.spellings else repr(value)
        return f"{self.element}={spelling}"

    def describe(self) -> str:
        """What is searched, however it was written: ``8…64 in steps of 8``."""
        match self.distribution:
            case CategoricalDistribution(choices=choices):
                return f"one of {', '.join(map(str, choices))}"
            case IntDistribution() | FloatDistribution() as numbers:
                low, high, step = numbers.low, numbers.high, numbers.step
                steps = "" if step is None else f" in steps of {step:g}"
                return f"{low:g}…{high:g}{steps}{', log' if numbers.log else ''}"
        raise AssertionError(self.distribution)

    def contains(self, value: object) -> bool:
        """Whether ``value`` can be proposed."""
        if isinstance(self.distribution, CategoricalDistribution):
            return any(_same(value, choice) for choice in self.distribution.choices)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return self.distribution._contains(self.distribution.to_internal_repr(value))

    def values(self) -> Sequence[Scalar] | None:
        """All values in order, or None where they are a continuum."""
        match self.distribution:
            case CategoricalDistribution(choices=choices):
                return choices
            case IntDistribution(low=low, high=high, step=step):
                return range(low, high + 1, step)
            case FloatDistribution(low=low, high=high, step=float(step)):
                return [low + index * step for index in range(round((high - low) / step) + 1)]
        return None

    def extremes(self) -> Sequence[Scalar]:
        """The values that a range check must see: every choice, or both ends."""
        match self.distribution:
            case CategoricalDistribution(choices=choices):
                return choices
            case IntDistribution(low=low, high=high) | FloatDistribution(low=low, high=high):
                return (low, high)
        raise AssertionError(self.distribution)


@dataclass(frozen=True)
class Space:
    """What is searched (``dimensions``) and what stays fixed (``overrides``)."""

    dimensions: tuple[Dimension, ...]
    overrides: tuple[str, ...]

    @property
    def distributions(self) -> dict[str, BaseDistribution]:
        return {dimension.key: dimension.distribution for dimension in self.dimensions}

    @property
    def size(self) -> float:
        """How many points there are; infinite with a continuous dimension."""
        counts = (len(values) if values is not None else math.inf for values in self._values())
        return math.prod(counts)

    def _values(self) -> Iterator[Sequence[Scalar] | None]:
        return (dimension.values() for dimension in self.dimensions)

    def propose(self, params: Mapping[str, Any]) -> tuple[str, ...]:
        """The overrides of a trial: what is fixed, then the proposed values.

        Parameters from a custom search space belong to no dimension and are written plainly.
        """
        known = {dimension.key: dimension for dimension in self.dimensions}
        proposed = (
            known[key].override(value) if key in known else f"{key}={spell(value)}"
            for key, value in params.items()
        )
        return (*self.overrides, *proposed)

    def corners(self) -> Iterator[dict[str, Scalar]]:
        """One-at-a-time proposals that reach the ends of every dimension."""
        for dimension in self.dimensions:
            for value in dimension.extremes():
                yield {dimension.key: value}


def read_space(
    params: Mapping[str, Any], arguments: Sequence[str], loader: ConfigLoader | None
) -> Space:
    """Read ``hydra.sweeper.params`` and the command line; the command line wins.

    A plain override of a key in ``params`` takes that key out of the search.

    Raises:
        SpaceError: an expression that cannot be searched, or an empty or endless range.
    """
    parser = OverridesParser.create(config_loader=loader)
    written = [f"{key}={value}" for key, value in params.items()]
    try:
        parsed = parser.parse_overrides([*written, *arguments])
    except OverrideParseException as error:
        raise SpaceError(str(explain(error))) from error
    latest: dict[str, Override] = {}
    for override in parsed:
        latest[_key(override)] = override
    sweeps = [override for override in latest.values() if override.is_sweep_override()]
    fixed = [override for override in latest.values() if not override.is_sweep_override()]
    return Space(
        dimensions=tuple(read_dimension(override) for override in sweeps),
        overrides=tuple(override.input_line or "" for override in fixed),
    )


def _key(override: Override) -> str:
    """The key, or the group with its package: ``optimizer@generator`` is another choice."""
    package = f"@{override.package}" if override.package else ""
    return f"{override.key_or_group}{package}"


def read_dimension(override: Override) -> Dimension:
    """One sweep override as a dimension."""
    text = (override.input_line or "").partition("=")[2]
    try:
        values = _choices(override) if override.is_choice_sweep() else {}
        distribution = _distribution(override, tuple(values))
    except (ValueError, ArithmeticError) as error:
        raise SpaceError(f"`{override.input_line}` cannot be searched: {error}.") from error
    return Dimension(
        key=_key(override),
        element=override.get_key_element(),
        text=text,
        distribution=distribution,
        spellings=values,
    )


def spell(value: Scalar) -> str:
    """A value as Hydra's override grammar writes it."""
    if value is None:
        return "null"
    if isinstance(value, str) and not _WORD.fullmatch(value):
        return QuotedString(text=value, quote=Quote.single).with_quotes()
    if isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else repr(value)


def _choices(override: Override) -> dict[Scalar, str]:
    """Each choice as Optuna stores it, and as an override spells it."""
    choices: dict[Scalar, str] = {}
    for element in override.sweep_iterator(transformer=Transformer.identity):
        if isinstance(element, Sweep | Glob):
            raise ValueError("a choice cannot hold another sweep")
        plain = Override._convert_value(element)
        if isinstance(plain, list | dict):  # Optuna stores neither
            value: Scalar = Transformer.str(element)
            spelling = str(value)
        else:
            value, spelling = plain, spell(plain)
        if value != value:
            raise ValueError("nan is no choice, since it does not equal itself")
        if value in choices:
            raise ValueError(f"Optuna cannot tell its choice {value!r} from another one")
        choices[value] = spelling
    return choices


def _distribution(override: Override, choices: Sequence[Scalar]) -> BaseDistribution:
    value = override.value()
    if isinstance(value, IntervalSweep):
        return _interval(value)
    if isinstance(value, RangeSweep):
        return _range(value)
    if not choices:
        raise ValueError("it has no choices")
    return CategoricalDistribution(choices)


def _interval(sweep: IntervalSweep) -> BaseDistribution:
    low, high = sweep.start, sweep.end
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
    if step <= 0 or start >= stop:
        raise ValueError("it is empty; write range(start,stop,step=s) with start < stop, s > 0")
    if "log" in sweep.tags:
        raise ValueError("a range has no log scale; write tag(log,interval(…))")
    n_points, last = _points(start, stop, step)
    if n_points > MOST_POINTS:
        raise ValueError(f"it has more than {MOST_POINTS:,} points; use interval(…) instead")
    if isinstance(start, int) and isinstance(stop, int) and isinstance(step, int):
        return _whole(start, int(last), step=step)
    return FloatDistribution(float(start), float(last), step=float(step))


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


def _same(value: object, choice: object) -> bool:
    """Equal, where 1 and 1.0 are the same but 1 and True are not."""
    return value == choice and isinstance(value, bool) == isinstance(choice, bool)
