"""The baseline: the configuration without any proposal."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import OverrideType
from omegaconf import DictConfig, OmegaConf, flag_override
from omegaconf.errors import (
    InterpolationResolutionError,
    InterpolationToMissingValueError,
    MissingMandatoryValue,
    OmegaConfBaseException,
)

from besom.app.error_messages import HYDRA_ERRORS, config_error, required_group
from besom.app.hooks import task_config
from besom.app.job import JobRunner, hydra_config_put_back
from besom.common.errors import ConfigError
from besom.common.flatten import resolved
from besom.common.suggest import did_you_mean
from besom.search.space.space import Dimension, Space, leaves

OF_EACH_JOB = ("hydra.sweep.dir", "hydra.sweep.subdir", "hydra.output_subdir", "hydra.job.name")
"""Hydra reads these for every job; many of its other keys are never read in a sweep."""


@dataclass(frozen=True)
class Base:
    """The configuration without any proposal.

    Attributes:
        params: the values of searched keys that compose it: those of ``hydra.sweeper.baseline``,
            and values for the keys in ``lacking`` and for the groups that bring these.
        words: the overrides that compose it.
        whole: the configuration with the ``hydra`` node.
        lacking: searched keys without a value here: those that are ``???``, those that only an
            option of a searched group has, and those that only the search adds and that others
            refer to. In ``whole`` they have the first value of their dimension, so that a
            configuration can be composed.
    """

    params: Mapping[str, Any]
    words: tuple[str, ...]
    whole: DictConfig
    lacking: tuple[str, ...]


def compose(application: JobRunner, space: Space, moved: Mapping[str, Any] = {}) -> Base:
    """Compose the configuration without any proposal.

    Args:
        moved: values of searched keys, for the baseline only; see :func:`read_moved`.

    Raises:
        hydra.errors.HydraException: the overrides do not fit the configuration.
    """
    first = {dimension.key: dimension.extremes()[0] for dimension in space.dimensions}
    params, lacking = dict(moved), list[str]()
    while True:
        words = space.propose(params)
        try:
            whole = application.compose(words)
        except Exception as error:
            group = required_group(error)
            if group not in first or group in lacking:
                raise
            empty, option = [group], dict[str, Any]()
        else:
            empty, option = _valueless(space, params, whole), {}
            if not empty:
                empty, option = _brought(application, space, params, whole)
        if not empty:
            return Base(params, words, whole, tuple(lacking))
        lacking += empty
        params |= option | {key: first[key] for key in empty}


def _valueless(space: Space, params: Mapping[str, Any], whole: DictConfig) -> list[str]:
    """Return searched keys that have no value in ``whole``, which ``params`` have composed."""
    others = [dimension for dimension in space.dimensions if dimension.key not in params]
    empty = [d.key for d in others if not d.is_group and _is_missing(whole, d.key)]
    if empty or _resolves(whole):
        return empty
    return [d.key for d in others if d.element.startswith("+") and _is_absent(whole, d)]


def _brought(
    application: JobRunner, space: Space, params: Mapping[str, Any], whole: DictConfig
) -> tuple[list[str], dict[str, Any]]:
    """Return searched keys that are absent from ``whole``, and an option that brings them.

    The option is one of a searched group; both are empty if no option brings any key.
    """
    others = [dimension for dimension in space.dimensions if dimension.key not in params]
    absent = [d for d in others if not d.element.startswith("+") and _is_absent(whole, d)]
    groups = [dimension for dimension in others if dimension.is_group] if absent else []
    for option in ({group.key: value} for group in groups for value in group.extremes()):
        # What is wrong with an option alone is said of its own corner.
        with hydra_config_put_back(), suppress(ConfigError, *HYDRA_ERRORS):
            other = application.compose(space.propose({**params, **option}))
            keys = [d.key for d in absent if d.key not in option and not _is_absent(other, d)]
            if keys:
                return keys, option
    return [], {}


def check_interpolations(base: Base) -> str:
    """Refuse interpolations that no trial could resolve, such as an unset environment variable.

    Returns:
        A sentence on one that only the task can give a value, by a key or a resolver that is not
        there yet; empty if there is none. A key that is there, as ``???``, needs no sentence.

    Raises:
        omegaconf.errors.InterpolationResolutionError: names the key whose value it is.
    """
    left: list[InterpolationResolutionError] = []
    resolved(task_config(base.whole), left)
    for key in OF_EACH_JOB:
        OmegaConf.select(base.whole, key)
    hydra: Any = deepcopy(HydraConfig.instance().cfg)  # Hydra itself takes env_set from there
    OmegaConf.to_container(hydra.hydra.job.env_set, resolve=True)
    if not left:
        return ""
    more = f", and {len(left) - 1} more like it" if len(left) > 1 else ""
    return f"{config_error(left[0])}{more}. Trials start all the same, as the task may add it."


def changed(
    application: JobRunner,
    config: DictConfig,
    words: Sequence[str],
    more: Sequence[str],
    no_groups: Collection[str] = (),
) -> DictConfig:
    """Return a configuration with more overrides, as the task sees it.

    It is composed anew only if a plain change of its values is not enough, as for a config group. A
    composition takes 60 ms, and a space has some dozen corners to check before any worker starts.

    Args:
        config: the configuration without them, as the task sees it; ``words`` composed it.
        more: the overrides to add.
        no_groups: keys that are known not to be config groups; looking one up takes 20 ms.
    """
    loader = application.context.config_loader
    found = config.copy()
    for override in OverridesParser.create(loader).parse_overrides(list(more)):
        key = override.key_or_group
        plain = override.type is OverrideType.CHANGE and override.package is None
        if not plain or (key not in no_groups and loader.get_group_options(key)):
            return task_config(application.compose((*words, *more)))
        try:
            with flag_override(found, "struct", True):  # a key that does not exist is an error
                OmegaConf.update(found, key, override.value())
        except OmegaConfBaseException:  # Hydra has a better error message
            return task_config(application.compose((*words, *more)))
    return found


def read_moved(values: Mapping[str, Any], space: Space, is_open: bool) -> dict[str, Any]:
    """Return ``hydra.sweeper.baseline`` as values of searched keys.

    Args:
        is_open: whether a custom search space may search more keys than ``space`` has.

    Raises:
        ConfigError: a key is not searched.
    """
    searched = space.distributions
    moved = dict(leaves(values, searched))
    if unknown := [key for key in moved if key not in searched and not is_open]:
        key = unknown[0]
        hint = did_you_mean(key, searched, f"give {key}=… itself")
        raise ConfigError(f"hydra.sweeper.baseline.{key}: {key} is not searched; {hint}")
    return moved


def _resolves(whole: DictConfig) -> bool:
    left: list[InterpolationResolutionError] = []
    try:
        resolved(task_config(whole), left)
    except InterpolationResolutionError:
        return False
    return not left


def _is_absent(whole: DictConfig, dimension: Dimension) -> bool:
    if dimension.is_group:
        return dimension.key not in whole.hydra.runtime.choices
    return OmegaConf.select(whole, dimension.key, default=...) is ...


def _is_missing(config: DictConfig, key: str) -> bool:
    try:
        OmegaConf.select(config, key, throw_on_missing=True)
    except (MissingMandatoryValue, InterpolationToMissingValueError):
        return True
    return False
