"""Composes the configurations of a sweep's jobs, each as Hydra would.

Hydra reads and merges all files again for each job, which often takes longer than the job's own
start. This module does so once for each choice of options in config groups. A job's values, which
change single nodes, are then set in a copy by Hydra's own code.
"""

import copy
import os
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl, get_overrides_dirname
from hydra._internal.config_repository import CachingConfigRepository
from hydra._internal.defaults_list import Overrides
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict

from besom.app.error_messages import HYDRA_ERRORS

MOST_KEPT = 16
"""The number of group choices whose configurations are kept; each is of a megabyte."""


class Composer:
    """Composes configurations as :meth:`ConfigLoaderImpl.load_sweep_config` would.

    Files, and interpolations in a defaults list, keep the contents of their first reading.

    Args:
        loader: the application's loader; one that is not Hydra's own composes by itself.
        master: the configuration of the sweep.
    """

    def __init__(self, loader: Any, master: DictConfig) -> None:
        self._loader = loader
        self._master = master
        self._repository: CachingConfigRepository | None = None
        self._kept: dict[tuple[str, ...], DictConfig] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what was read: another process reads the files itself."""
        return vars(self) | {"_repository": None, "_kept": {}}

    def compose(self, overrides: Sequence[str]) -> DictConfig:
        """Return the configuration of a job.

        Raises:
            hydra.errors.ConfigCompositionException: the overrides do not fit the configuration.
        """
        if type(self._loader) is ConfigLoaderImpl:
            with suppress(*HYDRA_ERRORS, ValueError):  # Hydra raises them below in its own words
                return self._compose(overrides)
        return self._load(overrides)

    def _load(self, overrides: Sequence[str]) -> DictConfig:
        """Compose by Hydra's own method."""
        config: DictConfig = self._loader.load_sweep_config(self._master, [*overrides])
        return config

    def _compose(self, overrides: Sequence[str]) -> DictConfig:
        parsed = OverridesParser.create().parse_overrides([*overrides])
        self._loader.validate_sweep_overrides_legal(parsed, RunMode.RUN, from_shell=True)
        if any(one.is_hydra_override() for one in parsed):  # these may change how Hydra composes
            return self._load(overrides)
        values = Overrides(self._sources(), parsed).config_overrides
        config = copy.deepcopy(self._of_groups(parsed, values))
        ConfigLoaderImpl._apply_overrides_to_config(values, config)
        self._tell(parsed, config)
        OmegaConf.copy_cache(self._master, config)
        return config

    def _sources(self) -> CachingConfigRepository:
        """Return the repository, which tells a config group from a key."""
        if self._repository is None:
            name = self._master.hydra.job.config_name
            given = OmegaConf.to_container(self._master.hydra.overrides.hydra, resolve=False)
            _, self._repository = self._loader._parse_overrides_and_create_caching_repo(name, given)
        return self._repository

    def _of_groups(self, parsed: Sequence[Override], values: Sequence[Override]) -> DictConfig:
        """Return the configuration with only the group options set; callers must not change it."""
        are_values = {id(one) for one in values}
        groups = tuple(str(one.input_line) for one in parsed if id(one) not in are_values)
        if groups not in self._kept:
            if len(self._kept) == MOST_KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[groups] = self._load(groups)
        return self._kept[groups]

    def _tell(self, overrides: Sequence[Override], config: DictConfig) -> None:
        """Write the overrides and the facts of this process into the ``hydra`` node."""
        hydra = config.hydra
        hydra.overrides.task = [one.input_line for one in overrides]
        with open_dict(hydra):
            for key in hydra.job.env_copy:
                hydra.job.env_set[key] = os.environ[key]
        hydra.runtime.cwd = os.getcwd()
        style = hydra.job.config.override_dirname
        hydra.job.override_dirname = get_overrides_dirname(
            list(overrides),
            kv_sep=style.kv_sep,
            item_sep=style.item_sep,
            exclude_keys=style.exclude_keys,
        )
