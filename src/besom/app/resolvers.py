"""Finds the resolvers that compute a configuration's values when it is read.

``${model.units}`` only repeats another key. But ``${oc.env:LR}``, Hydra's own resolvers and those
of a program may return other values at each start, on each machine and in each trial.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from enum import Enum
from functools import partial
from threading import Lock
from typing import Any

from omegaconf import Container, DictConfig, ListConfig, OmegaConf
from omegaconf.basecontainer import BaseContainer
from omegaconf.errors import OmegaConfBaseException

COMPUTING = frozenset(
    {"oc.create", "oc.decode", "oc.deprecated", "oc.dict.keys", "oc.dict.values", "oc.select"}
)
"""Resolvers whose values depend on the configuration alone."""

OF_A_JOB = frozenset({"now", "hydra", "besom.name_of_file"})
"""Resolvers of times, names and places, which differ from job to job or with a file's place."""


def resolvers_of(config: DictConfig) -> dict[str, frozenset[str]]:
    """Return the resolvers behind each interpolated value, also through the keys it refers to.

    Resolvers that look at the configuration alone are left out.

    Returns:
        The names of the resolvers by the value's key (:func:`besom.common.flatten.flatten`); by
        the mapping's own key where a whole mapping is interpolated.
    """
    with _noting() as asked:
        return dict(_interpolated(config, "", asked))


def of_key(key: str, by_key: Mapping[str, frozenset[str]]) -> frozenset[str] | None:
    """Return a key's resolvers from the result of :func:`resolvers_of`; None for a plain value."""
    if key in by_key:
        return by_key[key]
    wholes = (names for whole, names in by_key.items() if key.startswith(f"{whole}."))
    return next(wholes, None)


def _interpolated(
    config: DictConfig, prefix: str, asked: set[str]
) -> Iterator[tuple[str, frozenset[str]]]:
    key: Any
    for key in config:
        node: Any = config._get_node(key)
        name = f"{prefix}{key.name if isinstance(key, Enum) else key}"
        if _is_open(node):
            yield from _interpolated(node, f"{name}.", asked)
        elif node._is_interpolation() or (isinstance(node, ListConfig) and _is_computed(node)):
            asked.clear()
            with suppress(OmegaConfBaseException):  # reported where the value is used
                if isinstance(value := config[key], Container):
                    OmegaConf.to_container(value, resolve=True)
            yield name, frozenset(asked) - COMPUTING


def _is_open(node: Any) -> bool:
    """Return whether the node is a mapping that is written out, not interpolated or missing."""
    is_closed = node._is_interpolation() or node._is_none() or node._is_missing()
    return isinstance(node, DictConfig) and not is_closed


def _is_computed(node: ListConfig) -> bool:
    return "${" in str(OmegaConf.to_container(node, resolve=False))


_one_at_a_time = Lock()  # the whole process shares one table of resolvers


@contextmanager
def _noting() -> Iterator[set[str]]:
    """Collect the names of the resolvers that are called inside the block."""
    with _one_at_a_time:
        asked, before = set[str](), dict(BaseContainer._resolvers)
        for name, resolver in before.items():
            BaseContainer._resolvers[name] = partial(_note, asked, name, resolver)
        try:
            yield asked
        finally:
            BaseContainer._resolvers.update(before)


def _note(asked: set[str], name: str, resolver: Any, *arguments: Any) -> Any:
    asked.add(name)
    return resolver(*arguments)
