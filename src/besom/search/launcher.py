"""Launchers that an application may name: Besom's own workers take the place of them all."""

import re
from typing import Any

from omegaconf import DictConfig, OmegaConf

from besom.common.errors import ConfigError
from besom.common.stdout import say

HYDRAS_OWN = "hydra._internal.core_plugins.basic_launcher.BasicLauncher"
ELSEWHERE = re.compile(r"slurm|aws|rq|pbs|sge|lsf|kube|cloud", re.IGNORECASE)
"""What names of launchers have in them that send jobs to other machines."""


def check_launcher(hydra: DictConfig) -> None:
    """Say that ``hydra/launcher`` is not used, where it is another than Hydra's own.

    Raises:
        ConfigError: it would use other machines.
    """
    launcher = hydra.launcher
    target = str(OmegaConf.select(launcher, "_target_") or HYDRAS_OWN)
    if target == HYDRAS_OWN:
        return
    name = hydra.runtime.choices.get("hydra/launcher") or target.rpartition(".")[2]
    if ELSEWHERE.search(target.rpartition(".")[2]) or _address(launcher):
        raise ConfigError(
            f"hydra/launcher={name}: Besom's trials run on the machine that their sweep runs on, "
            "hydra.sweeper.n_jobs at a time;\n"
            "take hydra/launcher=basic, and start the sweep itself where the trials are to run"
        )
    n_jobs = OmegaConf.select(launcher, "n_jobs", throw_on_missing=False)
    is_number = isinstance(n_jobs, int) and n_jobs > 0
    wanted = f"={n_jobs} does what its n_jobs would" if is_number else " says how many at a time"
    say(
        f"besom: hydra/launcher={name} is not used, since Besom's own workers run the trials; "
        f"hydra.sweeper.n_jobs{wanted}"
    )


def _address(launcher: DictConfig) -> Any:
    """Where Ray's launcher is told to find a cluster; a local one has no address."""
    address = OmegaConf.select(launcher, "ray.init.address", throw_on_missing=False)
    return None if address == "local" else address
