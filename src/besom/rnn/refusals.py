"""Refuses values, with error messages that name the key, its value and its limit."""

from collections.abc import Iterable
from typing import Any

from besom.common.errors import ConfigError
from besom.common.suggest import did_you_mean, listed

LARGEST_SIZE = 2**31 - 1
"""The largest int32: tokens are int32, and so are the shapes of TensorFlow's kernels."""


def at_least_one(name: str, value: int, otherwise: str = "") -> None:
    """Refuse a whole number below 1 or above :data:`LARGEST_SIZE`."""
    if value < 1:
        remedy = f"give 1 or more{', ' + otherwise if otherwise else ''}"
        raise ConfigError(f"`{name}={value}` is below 1; {remedy}")
    at_most(name, value, LARGEST_SIZE)


def at_most(name: str, value: int, limit: int) -> None:
    """Refuse a number above the limit."""
    if value > limit:
        raise ConfigError(f"`{name}={value}` is above {limit}; give less")


def one_of(name: str, value: Any, names: Iterable[str]) -> None:
    """Refuse an unknown name; the message suggests the nearest one."""
    if value not in names:
        hint = did_you_mean(str(value), names, f"give one of {listed(names)}")
        raise ConfigError(f"`{name}={value}` is unknown; {hint}")
