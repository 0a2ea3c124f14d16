"""Checks that each trial has its own output folder."""

from pathlib import Path

from omegaconf import OmegaConf

from besom.app.job import JobRunner, hydra_config_put_back
from besom.common.errors import ConfigError
from besom.search.space.baseline import Base
from besom.search.space.space import Scalar, Space


def check_folders(application: JobRunner, space: Space, base: Base) -> None:
    """Check that trials with different values do not share an output folder.

    Hydra makes the folder from ``hydra.sweep.dir`` and ``hydra.sweep.subdir``. Jobs that run one
    after another may share one, but trials that run at the same time would read each other's files.

    Raises:
        ConfigError: trials would share a folder; names the keys in which they differ.
    """
    sweep = OmegaConf.to_container(base.whole.hydra.sweep, resolve=False)
    assert isinstance(sweep, dict)
    if "job.num" in str(sweep["subdir"]):  # Hydra's default; this saves two compositions
        return
    with hydra_config_put_back():
        if _folder(application, base.words, 0) != _folder(application, base.words, 1):
            return
        shared = [
            one.key
            for one in space.dimensions
            if len(ends := one.extremes()[:2]) > 1
            if len({_folder(application, _at(space, base, one.key, end), 0) for end in ends}) == 1
        ]
    if shared:
        raise ConfigError(
            f"hydra.sweep.subdir={sweep['subdir']}: trials that differ in {', '.join(shared)} "
            "would share a folder, and each other's files.\n"
            "Put ${hydra:job.num} into it."
        )


def _at(space: Space, base: Base, key: str, value: Scalar) -> tuple[str, ...]:
    return space.propose({**base.params, key: value})


def _folder(application: JobRunner, words: tuple[str, ...], number: int) -> Path:
    sweep = application.compose(words, number).hydra.sweep
    return Path(sweep.dir, sweep.subdir)
