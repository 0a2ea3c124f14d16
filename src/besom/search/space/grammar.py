"""Reads a search space from sweep expressions, with Hydra's own parser."""

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import (
    ChoiceSweep,
    Glob,
    IntervalSweep,
    Override,
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

from besom.app.error_messages import config_error
from besom.common.errors import SpaceError
from besom.common.suggest import is_mistyped
from besom.search.space.overlap import refuse_equal, refuse_overlap, share_keys
from besom.search.space.space import Dimension, Scalar, Space, leaves, spell

PARAMS = "hydra.sweeper.params."

MOST_POINTS = 100_000
"""The largest number of points of a range: a grid makes all of them."""

LARGEST_WHOLE = 2**53
"""Optuna holds whole numbers as floating-point ones, which are exact up to here."""


def read_space(
    params: Mapping[str, Any], arguments: Sequence[str], loader: ConfigLoader | None
) -> Space:
    """Read the space from ``hydra.sweeper.params`` and the command line, which takes precedence.

    A plain override of a key in ``params`` takes that key out of the search, and so does null as
    its value there.

    Raises:
        SpaceError: an expression cannot be searched, a range is empty or endless, or one expression
            would have no effect besides another.
    """
    parser = OverridesParser.create(config_loader=loader)
    options = dict(leaves(params, ()))
    written = [_written(key, value) for key, value in options.items() if value is not None]
    try:
        in_params = parser.parse_overrides(written)
        given = parser.parse_overrides([*arguments])
    except OverrideParseException as error:
        raise SpaceError(str(config_error(error))) from error
    replaced = {_key(override): override.input_line or "" for override in given}
    ordered = [*(one for one in in_params if _key(one) not in replaced), *given]
    _refuse_twice(ordered)
    fixed, dimensions = list[Override](), list[Dimension]()
    for override in ordered:
        if override.is_sweep_override():
            dimensions.append(read_dimension(override, len(fixed)))
        else:
            fixed.append(override)
    ends = [(one, value) for one in dimensions for value in one.extremes()]
    refuse_overlap(one.override(value) for one, value in ends if not one.is_option(value))
    for dimension in dimensions:
        _refuse_equal(dimension, fixed[dimension.n_before :])
    searched = {dimension.key for dimension in dimensions}
    asked = [key for key, value in options.items() if value is None]
    asked += [_key(override) for override in in_params if override.is_sweep_override()]
    gone = [key for key in asked if key not in searched]
    removed = {key: replaced.get(key, f"{PARAMS}{key}=null") for key in gone}
    return Space(tuple(dimensions), tuple(one.input_line or "" for one in fixed), removed)


def _written(key: str, value: Any) -> str:
    """Return an entry of ``hydra.sweeper.params`` as an override."""
    if isinstance(value, list):
        raise SpaceError(
            f"{PARAMS}{key}={spell(value)} is one list; `choice({spell(value)[1:-1]})` searches "
            f"its elements, and `{key}={spell(value)}` on the command line sets it."
        )
    return f"{key}={value}"


def _refuse_twice(given: Sequence[Override]) -> None:
    """Refuse two searches of one key, or of one group."""
    searched: dict[str, Override] = {}
    for override in filter(Override.is_sweep_override, given):
        former = searched.setdefault(_key(override), override)
        if former is not override:
            raise SpaceError(
                f"`{former.input_line}` has no effect beside `{override.input_line}`: both are of "
                f"{_key(override)}; leave one out."
            )


def _refuse_equal(dimension: Dimension, later: Sequence[Override]) -> None:
    """Refuse a search of which a fixed override after it would make two values equal."""
    later = [one for one in later if share_keys(_key(one), dimension.key)]
    choosing = {id(one) for one in later if _is_group(one) and not isinstance(one.value(), dict)}
    search, ends = f"{dimension.element}={dimension.text}", dimension.extremes()
    options = [dimension.override(value) for value in ends if dimension.is_option(value)]
    refuse_equal(search, options, [one for one in later if id(one) in choosing])
    values = [dimension.override(value) for value in ends if not dimension.is_option(value)]
    refuse_equal(search, values, [one for one in later if id(one) not in choosing])


def _key(override: Override) -> str:
    """Return the key, or the group with its package: ``optimizer@generator`` is its own choice."""
    package = f"@{override.package}" if override.package else ""
    return f"{override.key_or_group}{package}"


def _is_group(override: Override) -> bool:
    loader = override.config_loader
    return bool(loader and loader.get_group_options(override.key_or_group))


def read_dimension(override: Override, n_before: int = 0) -> Dimension:
    """Return a sweep override as a dimension.

    Args:
        n_before: how many of the space's fixed overrides come before it.
    """
    text = (override.input_line or "").partition("=")[2]
    try:
        values = _choices(override) if override.is_choice_sweep() else {}
        distribution = _distribution(override.value(), tuple(values))
    except (ValueError, ArithmeticError) as error:
        raise SpaceError(f"`{override.input_line}` cannot be searched: {error}.") from error
    are_mappings = bool(values) and all(one.startswith("{") for one in values.values())
    return Dimension(
        key=_key(override),
        element=override.get_key_element(),
        text=text,
        distribution=distribution,
        spellings=values,
        is_group=not are_mappings and _is_group(override),
        n_before=n_before,
    )


def _choices(override: Override) -> dict[Scalar, str]:
    """Return each choice as Optuna stores it, with its spelling in an override."""
    choices: dict[Scalar, str] = {}
    written = override.value()
    # Hydra's own iterator would shuffle them anew at each start.
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


def _distribution(value: Any, choices: Sequence[Scalar]) -> BaseDistribution:
    """Return a sweep as a distribution of Optuna.

    Args:
        value: the sweep as Hydra's parser has read it.
        choices: the values, if it is a choice.

    Raises:
        ValueError: the sweep is empty, endless, or too large.
    """
    tags = value.tags if isinstance(value, IntervalSweep | RangeSweep) else ()
    if misspelled := [tag for tag in sorted(tags) if is_mistyped(tag, ["log"])]:
        raise ValueError(f"no tag `{misspelled[0]}`; did you mean `log`?")
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
    if isinstance(low, int) and isinstance(high, int):  # from int(interval(…))
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
    n_points, last = _points(start, stop, step)
    if n_points > MOST_POINTS:
        raise ValueError(f"it has more than {MOST_POINTS:,} points; use interval(…) instead")
    low, high = sorted((start, last))
    is_whole, log = all(isinstance(n, int) for n in (start, stop, step)), "log" in sweep.tags
    if log and not (is_whole and abs(step) == 1 and low >= 1):
        raise ValueError(
            "on a log scale a range has whole numbers from 1 in steps of 1; write "
            "tag(log,interval(low,high)), or of whole numbers tag(log,int(interval(low,high)))"
        )
    if is_whole:
        return _whole(int(low), int(high), step=int(abs(step)), log=log)
    return FloatDistribution(float(low), float(high), step=abs(float(step)))


def _whole(low: int, high: int, step: int = 1, log: bool = False) -> IntDistribution:
    if max(-low, high) > LARGEST_WHOLE:
        raise ValueError(f"whole numbers go from {-LARGEST_WHOLE} to {LARGEST_WHOLE}")
    return IntDistribution(low, high, log=log, step=step)


def _points(start: float, stop: float, step: float) -> tuple[int, Decimal]:
    """Return the number of points of a range, and the last one. As in Hydra, the end is excluded.

    The calculation is decimal, as the numbers were written: 0.6 + 1 is 1.6, and 0.8 is not a point
    of range(0,0.8,step=0.1). Hydra's sum of binary fractions gets both wrong, and Optuna would
    leave out a last point that is not exactly a multiple of the step.
    """
    first, end, by = (Decimal(str(number)) for number in (start, stop, step))
    n_points = math.ceil((end - first) / by)
    return n_points, first + (n_points - 1) * by
