"""Resolves a configuration, flattens it to parameters under dotted names, and shortens these."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from enum import Enum
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import (
    InterpolationKeyError,
    InterpolationResolutionError,
    InterpolationToMissingValueError,
    MissingMandatoryValue,
    UnsupportedInterpolationType,
)

from besom.common.text import show

NOT_YET = (
    InterpolationKeyError,
    InterpolationToMissingValueError,
    UnsupportedInterpolationType,
)
"""The errors of an interpolation that a program can still give a value: by the key that it names,
or by registering its resolver."""


def resolved(
    config: DictConfig | ListConfig, left: list[InterpolationResolutionError] | None = None
) -> Any:
    """Return a configuration as dicts and lists, with interpolations resolved.

    One that the program can still give a value stays as it is written: ``${data.vocab}``. Members
    of an enumeration become their names, and missing values stay ``???``.

    Args:
        left: takes the errors of interpolations that stay because a key or a resolver is absent.

    Raises:
        InterpolationResolutionError: an interpolation fails for another reason.
    """
    with suppress(*NOT_YET):
        return OmegaConf.to_container(config, resolve=True, enum_to_str=True)
    found: Any = OmegaConf.to_container(config, resolve=False, enum_to_str=True)
    keys: Any = config if isinstance(config, DictConfig) else range(len(config))
    for key in keys:
        place = key.name if isinstance(key, Enum) else key
        try:
            value = config[key]
            if isinstance(value, DictConfig | ListConfig):
                found[place] = resolved(value, left)
            else:
                found[place] = value.name if isinstance(value, Enum) else value
        except NOT_YET as error:
            if left is not None and not isinstance(error, InterpolationToMissingValueError):
                left.append(error)
        except MissingMandatoryValue:
            pass
    return found


def to_yaml(config: DictConfig) -> str:
    """Return a configuration as YAML, resolved as :func:`resolved` does."""
    try:
        return OmegaConf.to_yaml(config, resolve=True)
    except NOT_YET:
        return OmegaConf.to_yaml(OmegaConf.create(resolved(config)))


def flatten(config: DictConfig, resolve: bool = True) -> dict[str, Any]:
    """Return ``{"model": {"units": 32}}`` as ``{"model.units": 32}``; lists stay whole.

    Members of an enumeration become their names. Missing values (``???``) are left out, and
    interpolations that the program can still give a value are as they are written. Where two keys
    would have the same name, the second gets a prime.
    """
    tree = resolved(config) if resolve else OmegaConf.to_container(config, enum_to_str=True)
    assert isinstance(tree, dict)
    flat: dict[str, Any] = {}
    for name, value in _leaves(tree, prefix=""):
        while name in flat:  # `a.b` beside `a: {b: …}`, or 1 beside "1"
            name += "'"
        flat[name] = value
    return flat


def _leaves(tree: Mapping[Any, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and value:
            yield from _leaves(value, prefix=f"{name}.")
        elif value != "???":
            yield name, value


def short_text(params: Mapping[str, Any]) -> str:
    """Return parameters as text, with short names: ``units=64 max_length=200``."""
    return " ".join(f"{name}={show(params[key])}" for key, name in short_names(params).items())


def short_names(keys: Iterable[str]) -> dict[str, str]:
    """Return the last part of each key, or as many parts as tell it from the others.

    A place in a list is not a name by itself: ``layers.0``.
    """
    # The dots in a group's package do not separate names.
    parts = {key: [key] if "@" in key else key.split(".") for key in keys}
    least = {key: _first_word(path) for key, path in parts.items()}
    names = {key: ".".join(path[-least[key] :]) for key, path in parts.items()}
    for length in range(2, max(map(len, parts.values()), default=0) + 1):
        counts = Counter(names.values())
        for key, path in parts.items():
            if counts[names[key]] > 1:
                names[key] = ".".join(path[-max(length, least[key]) :])
    return names


def doubled(rows: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return the keys to leave out where a group's option repeats the name that it gives itself.

    Of ``model`` and ``model.name`` this is the name, as long as each row with a name has the option
    too.

    Examples:
        >>> gru, lstm = ({"model": name, "model.name": name} for name in ("gru", "lstm"))
        >>> doubled([gru, lstm])
        {'model.name'}
        >>> doubled([gru, {"model.name": "lstm"}])
        {'model'}
    """
    rows, found = list(rows), set[str]()
    for key in {key for row in rows for key in row if key.endswith(".name")}:
        group = key.removesuffix(".name")
        pairs = {(row[group], row[key]) for row in rows if group in row and key in row}
        n_options = len({option for option, _ in pairs})
        if all(group in row for row in rows if key in row):
            found |= {key} if len(pairs) == n_options else set()
        elif pairs and all(option == name for option, name in pairs):
            found.add(group)
    return found


def _first_word(path: Sequence[str]) -> int:
    """Return how many parts from the end it takes to reach one that is not a number."""
    words = (place for place, part in enumerate(reversed(path), 1) if not part.isdigit())
    return next(words, len(path))
