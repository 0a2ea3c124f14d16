"""The search space: Hydra's sweep grammar, read by Hydra's parser, as Optuna distributions."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import (
    ChoiceSweep,
    Glob,
    Override,
    Quote,
    QuotedString,
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

from besom.app.error_messages import config_error
from besom.common.errors import SpaceError
from besom.search.space.distributions import Scalar, distribution_of
from besom.search.space.overlap import refuse_overlap

# What Hydra's grammar reads as a string without quotes, names of group options among it.
_WORD = re.compile(r"(?!(?:null|true|false|nan|inf)$)[A-Za-z_][\w./-]*", re.IGNORECASE)


@dataclass(frozen=True)
class Dimension:
    """One parameter that is searched.

    Attributes:
        key: the dotted key or config group, as Optuna and MLflow name it: ``model.units``.
        element: the key as an override has it, with ``+`` or a package where given.
        text: the expression as the user wrote it: ``range(8,65,step=8)``.
        distribution: the same for Optuna.
        spellings: for choices, how each value is written in an override.
        is_group: whether the key is a config group, and its values are options.
    """

    key: str
    element: str
    text: str
    distribution: BaseDistribution
    spellings: Mapping[Scalar, str]
    is_group: bool = False

    @property
    def choices(self) -> tuple[Scalar, ...] | None:
        """All values where they are choices, else None."""
        known = self.distribution
        return known.choices if isinstance(known, CategoricalDistribution) else None

    def override(self, value: Any) -> str:
        """The Hydra override that sets this parameter to ``value``."""
        if self.is_group and value is None:
            return f"~{self.key}"  # Hydra takes no null for a group
        return f"{self.element}={self.spelled(value)}"

    def spelled(self, value: Any) -> str:
        """``value`` as an override has it; a list among the choices is kept as text."""
        known = None if isinstance(value, list | dict) else self.spellings.get(value)
        return known or spell(value)

    def as_proposed(self, number: float) -> Scalar:
        """A number of a range or interval as Optuna proposes it."""
        known: Scalar = self.distribution.to_external_repr(
            self.distribution.to_internal_repr(number)
        )
        return known

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
            return any(same(value, choice) for choice in self.distribution.choices)
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
    """What is searched (``dimensions``) and what stays fixed (``overrides``).

    ``removed`` are those of ``overrides`` that take a key of ``hydra.sweeper.params`` out of the
    search.
    """

    dimensions: tuple[Dimension, ...]
    overrides: tuple[str, ...]
    removed: tuple[str, ...] = ()

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

    def refuse_overlap(self, params: Mapping[str, Any]) -> None:
        """Refuse a proposal in which one value replaces another, see overlap.py."""
        groups = {dimension.key for dimension in self.dimensions if dimension.is_group}
        plain = {key: value for key, value in params.items() if key not in groups}
        refuse_overlap(self.propose(plain)[len(self.overrides) :])

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
        SpaceError: an expression that cannot be searched, an empty or endless range, or one that
            would have no effect beside another.
    """
    parser = OverridesParser.create(config_loader=loader)
    written = [f"{key}={value}" for key, value in params.items()]
    try:
        parsed = parser.parse_overrides([*written, *arguments])
    except OverrideParseException as error:
        raise SpaceError(str(config_error(error))) from error
    _refuse_twice(parsed[len(written) :])
    latest = {_key(override): override for override in parsed}
    sweeps = [override for override in latest.values() if override.is_sweep_override()]
    fixed = [override for override in latest.values() if not override.is_sweep_override()]
    in_params = {_key(o) for o in parsed[: len(written)] if o.is_sweep_override()}
    dimensions = tuple(read_dimension(override) for override in sweeps)
    refuse_overlap(d.override(v) for d in dimensions if not d.is_group for v in d.extremes())
    return Space(
        dimensions=dimensions,
        overrides=tuple(override.input_line or "" for override in fixed),
        removed=tuple(o.input_line or "" for o in fixed if _key(o) in in_params),
    )


def _refuse_twice(given: Sequence[Override]) -> None:
    """Refuse a search that a later override of the same key would drop."""
    searched: dict[str, Override] = {}
    for override in given:
        if (former := searched.get(key := _key(override))) is not None:
            raise SpaceError(
                f"`{former.input_line}` has no effect beside `{override.input_line}`: both are of "
                f"{key}; leave one out."
            )
        if override.is_sweep_override():
            searched[key] = override


def _key(override: Override) -> str:
    """The key, or the group with its package: ``optimizer@generator`` is another choice."""
    package = f"@{override.package}" if override.package else ""
    return f"{override.key_or_group}{package}"


def read_dimension(override: Override) -> Dimension:
    """One sweep override as a dimension."""
    text = (override.input_line or "").partition("=")[2]
    loader = override.config_loader
    try:
        values = _choices(override) if override.is_choice_sweep() else {}
        distribution = distribution_of(override.value(), tuple(values))
    except (ValueError, ArithmeticError) as error:
        raise SpaceError(f"`{override.input_line}` cannot be searched: {error}.") from error
    return Dimension(
        key=_key(override),
        element=override.get_key_element(),
        text=text,
        distribution=distribution,
        spellings=values,
        is_group=bool(loader and loader.get_group_options(override.key_or_group)),
    )


def same(one: object, other: object) -> bool:
    """Equal, where 1 and 1.0 are the same but 1 and True are not; so are the parts of both."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def spell(value: Any) -> str:
    """A value as Hydra's override grammar writes it."""
    if isinstance(value, list):
        return f"[{','.join(map(spell, value))}]"
    if isinstance(value, dict):
        pairs = (f"{Transformer.str(key)}:{spell(part)}" for key, part in value.items())
        return f"{{{','.join(pairs)}}}"
    if isinstance(value, Enum):
        return value.name
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
    written = override.value()
    # Not Hydra's own iterator, which would shuffle them anew at each start.
    elements = written.list if isinstance(written, ChoiceSweep) else override.sweep_iterator()
    for element in elements:
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
