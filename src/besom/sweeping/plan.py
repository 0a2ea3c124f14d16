"""A sweep as it was asked for, checked before anything is started."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import optuna
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from hydra.utils import get_method
from omegaconf import DictConfig, ListConfig, OmegaConf, flag_override
from omegaconf.errors import OmegaConfBaseException

from besom.errors import ConfigError, SpaceError
from besom.flatten import flatten
from besom.nearest import listed
from besom.sweeping import seeding
from besom.sweeping.application import Application
from besom.sweeping.objective import Objective, read_objective
from besom.sweeping.options import PRUNERS, SAMPLERS, SweepOptions
from besom.sweeping.samplers import rehearse
from besom.sweeping.space import Dimension, Space, read_space
from besom.sweeping.study import Suggest
from besom.task import Hooks, hooks_of, task_config

LONGEST_NAME = 200
"""Bytes; file systems take 255, and names of files get endings."""

DUPLICATES = ("reuse", "reuse_any_code", "rerun")

OF_EACH_JOB = ("hydra.sweep.dir", "hydra.sweep.subdir", "hydra.output_subdir", "hydra.job.name")
"""Hydra reads these for every job; much else of its own is never read in a sweep."""


@dataclass(frozen=True)
class Plan:
    """Everything that a sweep needs to know.

    Attributes:
        baseline: the configuration without any proposal, without the ``hydra`` node.
        baseline_params: the same as a proposal; None where a searched key has no value.
        suggest: adds to an Optuna trial what ``custom_search_space`` defines; None without one.
    """

    options: SweepOptions
    application: Application
    space: Space
    objective: Objective
    baseline: DictConfig
    baseline_params: dict[str, Any] | None
    suggest: Suggest | None
    hooks: Hooks


def make_plan(options: SweepOptions, application: Application, arguments: list[str]) -> Plan:
    """Read and check all that the user said.

    Args:
        arguments: the command line's overrides, those of ``hydra`` excluded.

    Raises:
        UserError: anything of it cannot work; says what, and what would.
        hydra.errors.HydraException: an override does not fit the configuration.
    """
    check_options(options)
    objective = read_objective(options.objective, options.direction)
    if not objective.single and options.pruner.name != "none":
        raise ConfigError(
            f"hydra/sweeper/pruner={options.pruner.name}: several objectives cannot be pruned; "
            "take hydra/sweeper/pruner=none."
        )
    space = _read_space(options, application, arguments)
    rehearse(options.sampler, space.dimensions, objective.directions)
    hooks = hooks_of(application.task)
    whole = application.compose(space.overrides)
    baseline = task_config(whole)
    _resolve(whole, baseline)
    hooks.check(baseline)
    for corner in space.corners():
        config = _corner(application, space, baseline, corner)
        if any("${" in str(value) for value in corner.values()):
            flatten(config)
        hooks.check(config)
    suggest = _suggester(options.custom_search_space, baseline)
    baseline_params = _baseline_params(space, whole, suggest)
    if options.confirm.top_k:
        seeding.check(options.confirm, objective, space, baseline)
        seeding.check_baseline(baseline_params, space, baseline)
        again = seeding.overrides(options.confirm, seeding.seeds(options.confirm, baseline)[0])
        hooks.check(task_config(application.compose((*space.overrides, *again))))
    return Plan(
        options=options,
        application=application,
        space=space,
        objective=objective,
        baseline=baseline,
        baseline_params=baseline_params,
        suggest=suggest,
        hooks=hooks,
    )


def _resolve(whole: DictConfig, task: DictConfig) -> None:
    """Find what no trial could: an environment variable that is not set, a key that is not there.

    Raises:
        omegaconf.errors.InterpolationResolutionError: names the key that asks for it.
    """
    flatten(task)
    for key in OF_EACH_JOB:
        OmegaConf.select(whole, key)


def _read_space(options: SweepOptions, application: Application, arguments: list[str]) -> Space:
    space = read_space(options.params or {}, arguments, application.context.config_loader)
    custom = options.custom_search_space
    if not space.dimensions and custom is None:
        raise SpaceError(
            "there is nothing to search; give a sweep such as 'model.units=range(8,65,step=8)' "
            "or hydra.sweeper.params."
        )
    if custom is not None and options.sampler.name == "grid":
        raise ConfigError(
            f"hydra.sweeper.custom_search_space={custom}: a grid must know all its points "
            "beforehand; take another sampler."
        )
    return space


def check_options(options: SweepOptions) -> None:
    """Refuse numbers that make no sweep.

    Raises:
        ConfigError: names the option, its value and its limit.
    """
    for name in ("n_trials", "n_jobs", "max_attempts"):
        if getattr(options, name) < 1:
            raise ConfigError(f"hydra.sweeper.{name}={getattr(options, name)}: must be at least 1.")
    if not 0 <= options.max_failure_rate <= 1:
        raise ConfigError(
            f"hydra.sweeper.max_failure_rate={options.max_failure_rate}: must be from 0 to 1."
        )
    for name in ("timeout", "trial_timeout", "hang_timeout"):
        seconds = getattr(options, name)
        if seconds is not None and not seconds > 0:
            raise ConfigError(f"hydra.sweeper.{name}={seconds}: must be above 0 seconds, or null.")
    _check_chosen("sampler", options.sampler, SAMPLERS)
    _check_chosen("pruner", options.pruner, PRUNERS)
    if options.duplicates not in DUPLICATES:
        raise ConfigError(
            f"hydra.sweeper.duplicates={options.duplicates}: take {', '.join(DUPLICATES)}."
        )
    _check_name(options.study_name)


def _check_chosen(kind: str, chosen: Any, records: Sequence[type[Any]]) -> None:
    """A group's option is a record with its name; text, or another name, is neither."""
    if type(chosen) not in records or chosen.name != type(chosen).name:
        raise ConfigError(
            f"hydra.sweeper.{kind}={getattr(chosen, 'name', chosen)}: choose one with "
            f"hydra/sweeper/{kind}=…; there are {listed(record.name for record in records)}."
        )


def _check_name(name: str) -> None:
    # The name becomes the name of files and folders.
    is_plain = name.isprintable() and not any(c in name for c in "/\\")
    if not name or name.startswith(".") or not is_plain:
        raise ConfigError(
            f"hydra.sweeper.study_name={name!r}: must be a plain name, without slashes, control "
            "characters or a leading dot."
        )
    if len(os.fsencode(name)) > LONGEST_NAME:
        raise ConfigError(
            f"hydra.sweeper.study_name={name}: has more than {LONGEST_NAME} bytes; give a shorter "
            "one."
        )


def _corner(
    application: Application, space: Space, baseline: DictConfig, corner: Mapping[str, Any]
) -> DictConfig:
    """The baseline with other values of plain keys; composed anew where a group is among them.

    A composition takes 60 ms, and a space has some dozen corners, before any worker starts.
    """
    loader = application.context.config_loader
    config = baseline.copy()
    written = space.propose(corner)
    for override in OverridesParser.create(loader).parse_overrides(list(written[-len(corner) :])):
        key = override.key_or_group
        plain = override.type is OverrideType.CHANGE and override.package is None
        if not plain or loader.get_group_options(key, ObjectType.CONFIG):
            return task_config(application.compose(written))
        try:
            with flag_override(config, "struct", True):  # a key that is not there is no key
                OmegaConf.update(config, key, override.value())
        except OmegaConfBaseException:  # Hydra says better what is wrong with it
            return task_config(application.compose(written))
    return config


def _baseline_params(
    space: Space, config: DictConfig, suggest: Suggest | None
) -> dict[str, Any] | None:
    """The baseline's own values of what is searched.

    Raises:
        SpaceError: a value lies outside of its dimension.
    """
    params: dict[str, Any] = {}
    for dimension in space.dimensions:
        value = _baseline_value(dimension, config)
        if value is None and not dimension.contains(None):
            return None
        if not dimension.contains(value):
            raise SpaceError(
                f"the baseline's {dimension.key}={value} is outside {dimension.text}; "
                f"widen the space, or set {dimension.key} to a value inside."
            )
        params[dimension.key] = value
    return params | _suggested_to_baseline(space, config, params, suggest)


def _baseline_value(dimension: Dimension, config: DictConfig) -> Any:
    """The chosen option of a group, or the key's value; lists as Optuna stores them, as text."""
    option = config.hydra.runtime.choices.get(dimension.key)
    if option is not None:
        return option
    value = OmegaConf.select(config, dimension.key, throw_on_missing=False)
    if isinstance(value, DictConfig | ListConfig):
        elements: Any = OmegaConf.to_container(value)
        return Override._get_value_element_as_str(elements)
    return value.name if isinstance(value, Enum) else value


def _suggested_to_baseline(
    space: Space, config: DictConfig, params: dict[str, Any], suggest: Suggest | None
) -> dict[str, Any]:
    """What ``custom_search_space`` would ask of the baseline, answered from its configuration."""
    if suggest is None:
        return {}
    trial = optuna.trial.FixedTrial(flatten(task_config(config)) | params)
    for dimension in space.dimensions:  # asked before ``suggest``, as in Study.ask
        trial._suggest(dimension.key, dimension.distribution)
    try:
        suggest(trial)
    except ValueError as error:
        raise SpaceError(
            f"hydra.sweeper.custom_search_space suggests a key that the configuration lacks: "
            f"{error}"
        ) from error
    for key, distribution in trial.distributions.items():
        if not distribution._contains(distribution.to_internal_repr(trial.params[key])):
            raise SpaceError(
                f"the baseline's {key}={trial.params[key]} is outside {distribution}; "
                "widen custom_search_space, or set the key to a value inside."
            )
    return dict(trial.params)


def _suggester(dotted_path: str | None, baseline: DictConfig) -> Suggest | None:
    if dotted_path is None:
        return None
    try:
        function = get_method(dotted_path)
    except Exception as error:
        raise ConfigError(
            f"hydra.sweeper.custom_search_space={dotted_path} cannot be imported; give the dotted "
            "path of a function (config, trial) in a module on Python's path."
        ) from error
    return lambda trial: function(baseline, trial)
