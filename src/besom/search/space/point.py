"""Checks a point that a user enqueues against the search space."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.samplers import RandomSampler
from optuna.trial import FixedTrial

from besom.common.errors import ConfigError, SpaceError
from besom.common.suggest import did_you_mean, listed
from besom.search.space.space import Dimension, Scalar, Space, Suggest, leaves, same, spell

N_DRAWS = 200
"""How often a custom search space is called to find out whether it suggests a point's keys."""

Point = Mapping[str, Scalar]
"""Maps searched keys to values in the space; the sampler fills in keys that are missing."""


def read_points(
    given: Any, space: Space, suggest: Suggest | None, baseline: Point | None
) -> tuple[Point, ...]:
    """Read the option ``hydra.sweeper.enqueue`` if it is a list of points; text has none.

    Each point is returned once, and the baseline's is left out, since it is tried anyway.

    Raises:
        ConfigError: the option is something else.
        SpaceError: a point lies outside the space.
    """
    if given is None or isinstance(given, str):
        return ()
    if not isinstance(given, Sequence):
        raise ConfigError(
            f"hydra.sweeper.enqueue={given}: give a list of points, [{{{_example(space)}}}] say."
        )
    points: list[Point] = []
    for one in given:
        if (point := read_point(one, space, suggest)) not in (*points, baseline):
            points.append(point)
    return tuple(points)


def read_point(
    given: Any, space: Space, suggest: Suggest | None, said: str = "hydra.sweeper.enqueue"
) -> Point:
    """Return a point in the form that a study takes: ``{"model.units": 64}``.

    Args:
        given: some of the searched keys, flat or as a tree, with the values to try.
        suggest: adds more keys, conditionally; see :func:`besom.search.space.space.read_suggest`.
        said: the option or argument that had the point, with which an error begins.

    Raises:
        SpaceError: the point is empty, a key is not searched, or a value is outside the space; says
            the key, the value and the limits.
    """
    if not isinstance(given, Mapping) or not given:
        shown = spell(given) if isinstance(given, Mapping) else given
        raise SpaceError(f"{said}: {shown} is no point; give one such as {{{_example(space)}}}.")
    searched = {dimension.key: dimension for dimension in space.dimensions}
    point = {}
    others = {}
    for key, value in leaves(given, searched):
        if key in searched:
            point[key] = read_value(searched[key], value, said)
        elif suggest is not None:
            others[key] = value
        else:
            raise _unknown(key, searched, said)
    return point | _suggested(others, point, space, suggest, said) if others and suggest else point


def read_value(dimension: Dimension, value: Any, said: str) -> Scalar:
    """Return a value as Optuna would propose it.

    Raises:
        SpaceError: the value is not in the dimension.
    """
    written: Any = spell(value) if isinstance(value, list | dict) else value
    with suppress(ValueError, OverflowError):  # raised for NaN, and for numbers that are too large
        if dimension.contains(written):
            if dimension.choices is None:
                return dimension.as_proposed(written)
            return next(choice for choice in dimension.choices if same(choice, written))
    if choices := [choice for choice in dimension.choices or () if _reads_as(choice, written)]:
        return choices[0]
    if dimension.choices is None and isinstance(value, str) and _is_number(value):
        raise SpaceError(
            f"{said}: {dimension.key}={spell(value)} is a text, where a number of "
            f"{dimension.describe()} is needed; leave its quotes out."
        )
    is_what = "none" if dimension.choices is not None else "outside"
    limits = dimension.describe().removeprefix("one ")
    raise SpaceError(
        f"{said}: {dimension.key}={spell(value)} is {is_what} {limits}; "
        "take a value of the space, or widen that."
    )


def _reads_as(choice: Scalar, value: Any) -> bool:
    """Return whether a field of type ``str`` reads both as the same text: 1 and "1", say."""
    if isinstance(choice, str) == isinstance(value, str) or None in (choice, value):
        return False
    one, other = (part if isinstance(part, str) else spell(part) for part in (choice, value))
    return one == other


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _example(space: Space) -> str:
    """Return an example for a message: ``model.units: 8``."""
    first = next(iter(space.dimensions), None)
    return f"{first.key}: {spell(first.extremes()[0])}" if first else "KEY: VALUE"


def _unknown(key: str, known: Mapping[str, object], said: str) -> SpaceError:
    hint = did_you_mean(key, known, f"there are {listed(known)}")
    return SpaceError(f"{said}: {key} is not searched; {hint}")


class Drawing(FixedTrial):
    """A trial that answers each suggestion with a point's value if it fits, and else at random."""

    def __init__(self, point: Mapping[str, Any], random: RandomSampler) -> None:
        super().__init__(dict(point))
        self._given = point
        self._random = random
        self.asked: dict[str, Dimension] = {}

    def _suggest(self, name: str, distribution: BaseDistribution) -> Any:
        dimension = Dimension(name, name, "", distribution, spellings={})
        self.asked[name] = dimension
        try:
            self._params[name] = read_value(dimension, self._given[name], "")
        except (KeyError, SpaceError):
            drawn = self._random.sample_independent(None, None, name, distribution)  # type: ignore[arg-type]
            self._params[name] = drawn
        return super()._suggest(name, distribution)


def _suggested(
    given: Mapping[str, Any],
    point: Point,
    space: Space,
    suggest: Suggest,
    said: str,
) -> dict[str, Scalar]:
    """Return the values of keys that only a custom search space suggests.

    It is called with the point, and with random values for all other keys, until it has suggested
    each key in ``given``.

    Raises:
        SpaceError: a key is never suggested, or its value never fits.
    """
    random, asked = RandomSampler(seed=0), dict[str, Dimension]()
    left = dict(given)
    found: dict[str, Scalar] = {}
    for _ in range(N_DRAWS if left else 0):
        trial = Drawing({**point, **given}, random)
        for dimension in space.dimensions:  # asked before ``suggest``, as in Study.ask
            trial._suggest(dimension.key, dimension.distribution)
        suggest(trial)
        asked |= trial.asked
        for key in left.keys() & trial.asked.keys():
            with suppress(SpaceError):
                found[key] = read_value(trial.asked[key], left[key], said)
        left = {key: value for key, value in left.items() if key not in found}
        if not left:
            return found
    key, value = next(iter(left.items()))
    if key not in asked:
        raise _unknown(key, asked, said)
    read_value(asked[key], value, said)
    return found
