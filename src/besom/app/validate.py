"""Checks a whole command before anything runs, so that a mistake leaves no folder behind.

Hydra finds many mistakes itself, but some only after it has made the job's folder, and some late or
never: ``+model.unit=3`` adds a key past the schema, and a sweep's later values are read only when
their turn comes.
"""

import math
import os
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.hydra import Hydra
from hydra._internal.utils import (
    create_config_search_path,
    detect_calling_file_or_module_from_task_function,
    detect_task_name,
)
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, RangeSweep
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import InterpolationResolutionError, ValidationError

from besom.app.error_messages import (
    HYDRA_ERRORS,
    config_error,
    unknown_key,
    unknown_option,
    wrong_value,
)
from besom.app.hooks import Task, hooks_of, without_exits
from besom.common.errors import ConfigError, StoreError
from besom.common.text import LONGEST_NAME

# A check of a sweep's value takes about a millisecond. This many is enough for any typed list, and
# avoids a wait for range(1,1000000), whose values are all of one type anyway.
VALUES_LOOKED_AT = 100

MOST_RUNS = 100_000
COMBINING = "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"
"""Hydra's own sweeper, which lists all combinations before it starts the first."""


class _LoadingOnce(ConfigLoaderImpl):
    """A loader that composes a command line once: the run gets what was loaded for the check."""

    _loaded: tuple[tuple[Any, ...], DictConfig] | None = None

    def load_configuration(
        self,
        config_name: str | None,
        overrides: list[str],
        run_mode: RunMode,
        from_shell: bool = True,
        validate_sweep_overrides: bool = True,
    ) -> DictConfig:
        asked = config_name, [*overrides], run_mode, from_shell, validate_sweep_overrides
        loaded, self._loaded = self._loaded, None  # workers get this object, not the configuration
        if loaded is not None and loaded[0] == asked:
            return loaded[1]
        config = super().load_configuration(*asked)
        self._loaded = asked, config.copy()  # Hydra locks the original later
        return config


@contextmanager
def hydra_of(task: Task, flags: Namespace) -> Iterator[Hydra]:
    """Set Hydra up for ``flags``, its parsed command line, as ``hydra.main`` does."""
    search_path = create_config_search_path(flags.config_path)
    if flags.config_dir:
        folder = f"file://{Path(flags.config_dir).absolute()}"
        search_path.prepend("command-line", folder, anchor=SearchPathQuery(provider="schema"))
    name = detect_task_name(*detect_calling_file_or_module_from_task_function(task))
    hydra = Hydra(name, _LoadingOnce(search_path))
    GlobalHydra.instance().initialize(hydra)
    try:
        yield hydra
    finally:
        GlobalHydra.instance().clear()


def check(hydra: Hydra, task: Task, flags: Namespace) -> RunMode:
    """Compose the configuration that ``flags`` ask for, and check every part of it.

    Sets the configuration that ``${hydra:…}`` looks into, since a sweeper's options are read before
    Hydra sets it. Adds the mode, one run or several, to the overrides.

    Raises:
        besom.common.errors.UserError: a key, a value or a combination cannot be run.
        besom.app.error_messages.HYDRA_ERRORS: Hydra refuses it.
    """
    shows = bool(flags.cfg or flags.info)
    overrides = _parsed(hydra, flags.overrides)
    if shows:
        _refuse_sweeps(overrides)
    mode = RunMode.MULTIRUN if flags.multirun else _mode_of_files(hydra, flags)
    if not shows:
        flags.overrides.append(f"hydra.mode={mode.name}")
    config = _compose(hydra, flags.config_name, flags.overrides, mode)
    HydraConfig.instance().set_config(config.copy())
    _check_number(config, [one for one in overrides if one.is_discrete_sweep()])
    for override in overrides:
        _check_override(hydra, config, override)
    several = mode is RunMode.MULTIRUN
    first = _first_job(hydra, flags.config_name, config, overrides) if several else config
    if not shows:
        _check_folder(Path(config.hydra.sweep.dir if several else config.hydra.run.dir))
        if first is not None:
            hooks, job = without_exits(hooks_of(task)), _job_config(first)
            hooks.check(job)
            hooks.check_data(job)
    return mode


def _check_folder(folder: Path) -> None:
    """Refuse a job's folder that cannot be made; Hydra makes it before the task could refuse it."""
    if any(len(os.fsencode(part)) > LONGEST_NAME for part in folder.parts):
        raise StoreError(
            f"the job's folder {folder} has a name of more than {LONGEST_NAME} bytes in it; name "
            "another with tracking.root=… or hydra.run.dir=…"
        )
    places = (folder, *folder.absolute().parents)
    there = next(place for place in places if os.path.exists(place))
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise StoreError(
            f"the job's folder {folder} cannot be made: {there} is no folder that can be "
            "written; name another with tracking.root=… or hydra.run.dir=…"
        )


def _refuse_sweeps(overrides: list[Override]) -> None:
    for override in overrides:
        if override.is_sweep_override():
            raise ConfigError(
                f"--cfg and --info show one configuration; leave out `{override.input_line}`"
            )


def _mode_of_files(hydra: Hydra, flags: Namespace) -> RunMode:
    """Return the mode of several runs where a configuration says ``hydra.mode: MULTIRUN``."""
    asked = hydra.get_mode(flags.config_name, list(flags.overrides))
    return RunMode.MULTIRUN if asked == RunMode.MULTIRUN else RunMode.RUN


def _compose(hydra: Hydra, name: str, overrides: list[str], mode: RunMode) -> DictConfig:
    """Return the whole configuration, ``hydra`` included; of a sweep, that of its baseline."""
    try:
        return hydra.compose_config(name, list(overrides), mode)
    except RecursionError:
        raise ConfigError(
            f"`{name}` includes itself in its defaults list, or is nested too deeply"
        ) from None
    except HYDRA_ERRORS:
        raise
    except Exception as error:  # a plain ValueError for `group=1`, an AssertionError for `+=`
        reason = f"{error}" if isinstance(error, ValueError) else "Hydra cannot read it"
        typed = [word for word in overrides if not word.startswith("hydra.mode=")]
        raise ConfigError(f"`{' '.join(typed)}`: {reason}") from error


def _first_job(
    hydra: Hydra, name: str, config: DictConfig, overrides: list[Override]
) -> DictConfig | None:
    """Return the first configuration that Hydra's own sweeper will run.

    A mistake in all of them is in this one too. None with another sweeper, which checks by itself.
    """
    if not _combines(config):
        return None
    chosen = [
        f"{override.get_key_element()}={text}"
        for override in overrides
        if override.is_discrete_sweep()
        for text in islice(override.sweep_string_iterator(), 1)
    ]
    fixed = [str(one.input_line) for one in overrides if not one.is_sweep_override()]
    return _compose(hydra, name, [*fixed, *chosen], RunMode.RUN)


def _combines(config: DictConfig) -> bool:
    return bool(OmegaConf.select(config, "hydra.sweeper._target_") == COMBINING)


def _parsed(hydra: Hydra, overrides: list[str]) -> list[Override]:
    return OverridesParser.create(hydra.config_loader).parse_overrides(overrides)


def _job_config(config: DictConfig) -> DictConfig:
    """Return a copy without ``hydra``, as the task gets it; refuse one with missing values."""
    job = config.copy()
    with open_dict(job):
        del job["hydra"]
    if missing := sorted(OmegaConf.missing_keys(job)):
        raise ConfigError(f"`{missing[0]}` has no value; give one: {missing[0]}=...")
    try:
        OmegaConf.to_container(job, resolve=True)
    except InterpolationResolutionError as error:
        raise config_error(error) from error
    return job


def _check_override(hydra: Hydra, config: DictConfig, override: Override) -> None:
    key = override.key_or_group
    options = hydra.config_loader.get_group_options(key, ObjectType.CONFIG)
    if override.is_sweep_override() and not options:
        _check_exists(config, key)
    if override.is_discrete_sweep():
        for text in islice(override.sweep_string_iterator(), VALUES_LOOKED_AT):
            [single] = _parsed(hydra, [f"{key}={text}"])
            _check_value(config, single, options)
    elif (override.is_add() or override.is_force_add()) and not options:
        _check_in_schema(config, key)


def _check_number(config: DictConfig, sweeps: list[Override]) -> None:
    """Refuse more values, or combinations where each is a run, than a user would wait for."""
    combined = 1.0
    for override in sweeps:
        n_values = _n_values(override)
        combined *= n_values
        n_runs = combined if _combines(config) else n_values
        if n_runs > MOST_RUNS:
            raise ConfigError(
                f"`{override.input_line}` makes it more than {MOST_RUNS:,} runs; give fewer "
                "values, or search between two ends with `besom sweep` and interval(…)"
            )


def _n_values(override: Override) -> float:
    """Return how many values a list or range has, without listing those of a range."""
    sweep = override.value()
    if not isinstance(sweep, RangeSweep):
        return sum(1 for _ in override.sweep_iterator())
    if sweep.start is None or sweep.stop is None or not sweep.step:
        raise ConfigError(f"`{override.input_line}` has no end; give start, stop and step")
    try:
        return abs((sweep.stop - sweep.start) / sweep.step)
    except OverflowError:
        return math.inf


def _check_exists(config: DictConfig, key: str) -> None:
    """Refuse to vary a key that is not there; Hydra leaves this to the sweeper."""
    parent, _, name = key.rpartition(".")
    node = OmegaConf.select(config, parent) if parent else config
    if not (OmegaConf.is_dict(node) and (name in list(node) or _is_open(node))):
        raise unknown_key(key, config)


def _check_value(config: DictConfig, single: Override, options: list[str]) -> None:
    """Refuse a value of a sweep that is no option of its group, or not of its key's type."""
    key, value = single.key_or_group, single.value()
    if options and value not in options:
        raise unknown_option(key, value, options)
    try:
        if not options:
            OmegaConf.update(config.copy(), key, value)
    except ValidationError as error:
        raise wrong_value(str(single.input_line), error) from None


def _check_in_schema(config: DictConfig, key: str) -> None:
    """Refuse a key that a dataclass on its path does not declare.

    Free mappings take any key, and so do open dataclasses: the task's own check reads those.
    """
    node: Any = config
    for depth, name in enumerate(key.split(".")):
        schema = OmegaConf.get_type(node)
        declared = {field.name for field in fields(schema)} if is_dataclass(schema) else {name}
        # Hydra adds itself to the root of any configuration.
        is_known = name in declared or _is_open(node) or (name == "hydra" and depth == 0)
        if not is_known:
            raise unknown_key(key, config)
        node = OmegaConf.select(node, name)
        if not OmegaConf.is_dict(node):
            return


def _is_open(node: Any) -> bool:
    """Return whether the node accepts keys that its schema does not declare."""
    return OmegaConf.is_dict(node) and node._get_node_flag("struct") is False
