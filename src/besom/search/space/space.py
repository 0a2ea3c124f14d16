"""The search space: its dimensions, as Optuna's distributions and as Hydra's overrides."""

import math
import re
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from hydra.core.override_parser.types import Quote, QuotedString, Transformer
from hydra.utils import get_method
from omegaconf import DictConfig
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import BaseTrial, FixedTrial

from besom.app.own_code import naming
from besom.common.errors import USERS_ERRORS, ConfigError
from besom.search.space.overlap import refuse_overlap

Scalar = None | bool | int | float | str

Suggest = Callable[[BaseTrial], None]
"""Adds the parameters of a custom search space to one of Optuna's trials."""

# Text that Hydra's grammar reads as a string without quotes, such as names of group options.
_WORD = re.compile(r"(?!(?:null|true|false|nan|inf)$)[A-Za-z_][\w./-]*", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True)
class Dimension:
    """One parameter that is searched.

    Attributes:
        key: the dotted key or config group, as Optuna and MLflow name it: ``model.units``.
        element: the key as an override writes it, with ``+`` or a package if given.
        text: the expression as the user wrote it: ``range(8,65,step=8)``.
        distribution: the expression as a distribution of Optuna.
        spellings: for choices, how each value is written in an override.
        is_group: whether the key is a config group, whose values are its options.
        n_before: how many of the space's fixed overrides come before this one.
    """

    key: str
    element: str
    text: str
    distribution: BaseDistribution
    spellings: Mapping[Scalar, str]
    is_group: bool = False
    n_before: int = 0

    @property
    def choices(self) -> tuple[Scalar, ...] | None:
        """All values if the dimension has choices, else None."""
        known = self.distribution
        return known.choices if isinstance(known, CategoricalDistribution) else None

    def override(self, value: Any) -> str:
        """Return the Hydra override that sets this parameter to ``value``."""
        if self.is_group and value is None:
            return f"~{self.key}"  # Hydra takes no null for a group
        return f"{self.element}={self.spelled(value)}"

    def spelled(self, value: Any) -> str:
        """Return ``value`` as an override writes it; a list among the choices is kept as text."""
        known = None if isinstance(value, list | dict) else self.spellings.get(value)
        return known or spell(value)

    def is_option(self, value: Any) -> bool:
        """Return whether ``value`` is an option of a group; Hydra merges a mapping instead."""
        return self.is_group and not self.spelled(value).startswith("{")

    def as_proposed(self, number: float) -> Scalar:
        """Return a number of a range or interval as Optuna would propose it."""
        known: Scalar = self.distribution.to_external_repr(
            self.distribution.to_internal_repr(number)
        )
        return known

    def describe(self) -> str:
        """Describe the values, independently of how they were written: ``8…64 in steps of 8``."""
        match self.distribution:
            case CategoricalDistribution(choices=choices):
                return f"one of {', '.join(map(str, choices))}"
            case IntDistribution() | FloatDistribution() as numbers:
                low, high, step = numbers.low, numbers.high, numbers.step
                steps = "" if step is None else f" in steps of {step:g}"
                return f"{low:g}…{high:g}{steps}{', log' if numbers.log else ''}"
        raise AssertionError(self.distribution)

    def contains(self, value: object) -> bool:
        """Return whether ``value`` can be proposed."""
        if isinstance(self.distribution, CategoricalDistribution):
            return any(same(value, choice) for choice in self.distribution.choices)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return self.distribution._contains(self.distribution.to_internal_repr(value))

    def values(self) -> Sequence[Scalar] | None:
        """Return all values in order, or None if the dimension is continuous."""
        match self.distribution:
            case CategoricalDistribution(choices=choices):
                return choices
            case IntDistribution(low=low, high=high, step=step):
                return range(low, high + 1, step)
            case FloatDistribution(low=low, high=high, step=float(step)):
                n_steps = round((high - low) / step)
                return [min(low + index * step, high) for index in range(n_steps + 1)]
        return None

    def extremes(self) -> Sequence[Scalar]:
        """Return the values that a check of the space must try: every choice, or both ends."""
        match self.distribution:
            case CategoricalDistribution(choices=choices):
                return choices
            case IntDistribution(low=low, high=high) | FloatDistribution(low=low, high=high):
                return (low, high)
        raise AssertionError(self.distribution)


@dataclass(frozen=True)
class Space:
    """The searched parameters and the fixed ones.

    Attributes:
        dimensions: the searched parameters, in the order of the command line.
        overrides: the fixed parameters, in that order too.
        removed: by key, what takes a key of ``hydra.sweeper.params`` out of the search.
    """

    dimensions: tuple[Dimension, ...]
    overrides: tuple[str, ...]
    removed: Mapping[str, str] = field(default_factory=dict)

    @property
    def distributions(self) -> dict[str, BaseDistribution]:
        return {dimension.key: dimension.distribution for dimension in self.dimensions}

    @property
    def size(self) -> float:
        """The number of points; infinite with a continuous dimension."""
        counts = (len(values) if values is not None else math.inf for values in self._values())
        return math.prod(counts)

    def _values(self) -> Iterator[Sequence[Scalar] | None]:
        return (dimension.values() for dimension in self.dimensions)

    def propose(self, params: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the overrides of a trial: the fixed and the proposed values, in their order.

        Parameters from a custom search space have no dimension; their overrides come last.
        """
        words, n_before = list[str](), 0
        for dimension in self.dimensions:
            if dimension.key in params:
                words += self.overrides[n_before : dimension.n_before]
                words.append(dimension.override(params[dimension.key]))
                n_before = dimension.n_before
        known = self.distributions
        others = [self.word(key, value) for key, value in params.items() if key not in known]
        return (*words, *self.overrides[n_before:], *others)

    def word(self, key: str, value: Any) -> str:
        """Return the override that sets one parameter."""
        known = next((one for one in self.dimensions if one.key == key), None)
        return known.override(value) if known else f"{key}={spell(value)}"

    def refuse_overlap(self, params: Mapping[str, Any]) -> None:
        """Refuse a proposal in which one value replaces another; see :func:`refuse_overlap`."""
        options = {d.key for d in self.dimensions if d.key in params and d.is_option(params[d.key])}
        refuse_overlap(self.word(key, params[key]) for key in params if key not in options)

    def corners(self) -> Iterator[dict[str, Scalar]]:
        """Yield proposals of one parameter each that reach the ends of every dimension."""
        for dimension in self.dimensions:
            for value in dimension.extremes():
                yield {dimension.key: value}


def leaves(
    tree: Mapping[str, Any], keys: Container[str], prefix: str = ""
) -> Iterator[tuple[str, Any]]:
    """Yield dotted names and values of a tree; a mapping under one of ``keys`` stays whole."""
    for name, value in tree.items():
        key = f"{prefix}{name}"
        if isinstance(value, Mapping) and key not in keys:
            yield from leaves(value, keys, f"{key}.")
        else:
            yield key, value


def same(one: object, other: object) -> bool:
    """Return whether two values, with their parts, are equal; 1 equals 1.0, but not True."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def spell(value: Any) -> str:
    """Return a value as Hydra's override grammar writes it."""
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


def read_suggest(dotted_path: str | None, baseline: DictConfig, space: Space) -> Suggest | None:
    """Return the function that ``hydra.sweeper.custom_search_space`` names; None if it is null.

    Raises:
        ConfigError: the function cannot be imported.
    """
    if dotted_path is None:
        return None
    named = f"hydra.sweeper.custom_search_space={dotted_path}"
    try:
        function = get_method(dotted_path)
    except USERS_ERRORS as error:
        raise ConfigError(
            f"{named} cannot be imported; give the dotted path of a function (config, trial) in a "
            "module on Python's path."
        ) from error

    def suggest(trial: Any) -> None:
        # An error of a fixed trial is for the caller that made it, and is not the function's.
        whose = nullcontext() if isinstance(trial, FixedTrial) else naming(named)
        with whose:
            function(baseline, trial)
        space.refuse_overlap(trial.params)

    return suggest
