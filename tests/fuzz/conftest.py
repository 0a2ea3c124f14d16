"""Makes commands check everything but train nothing, in a working folder of their own."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hydra._internal.core_plugins.basic_launcher import BasicLauncher
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from besom.app import job
from besom.app.hooks import hooked, hooks_of
from besom.rnn.__main__ import task
from besom.sweep.dry_run import _proposals, _space
from besom.sweep.identity.fingerprint import fingerprint
from besom.sweep.plan import Plan
from besom.tracking.address import check_address, own_address
from besom.tracking.listener import parameters
from tests.rnn.conftest import objects, reviews_of


def pytest_itemcollected(item: pytest.Item) -> None:
    item.add_marker("slow")  # `make chaos` tries twenty times as many inputs


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Yield a working folder for commands that train nothing; provide 300 reviews as IMDb data."""
    folder = tmp_path_factory.mktemp("fuzz")
    file, labels = folder / "imdb.npz", np.arange(300) % 2
    reviews = objects(reviews_of(300, seed=0))
    np.savez(file, x_train=reviews, y_train=labels, x_test=reviews, y_test=labels)
    before = Path.cwd()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BESOM_IMDB_PATH", str(file))
        patch.setenv("BESOM_CACHE", str(folder / "cache"))
        patch.setenv("KERAS_HOME", str(folder / "keras"))
        patch.setattr("besom.rnn.__main__.task", only_looked_at)
        patch.setattr("besom.sweep.run.run_sweep", only_planned)
        patch.setattr(BasicLauncher, "launch", first_jobs_only(BasicLauncher.launch))
        yield folder / "work"
    os.chdir(before)


def first_jobs_only(launch: Callable[..., Any]) -> Callable[..., Any]:
    """Launch only the first two jobs of a multirun, which may have a hundred thousand."""

    def launch_two(self: BasicLauncher, overrides: list[Any], number: int) -> Any:
        return launch(self, overrides[:2], number)

    return launch_two


@hooked(hooks_of(task))
def only_looked_at(config: DictConfig) -> None:
    """Check a configuration as `tracked` does, before and after it opens the record."""
    hooks_of(task).check(config)
    root = Path(HydraConfig.get().runtime.cwd, config.tracking.root)
    check_address(config.tracking.uri or own_address(root))
    OmegaConf.to_yaml(config, resolve=True)
    parameters(config)


def only_planned(plan: Plan) -> None:
    """Do what a sweep does before it opens its stores, and make the first proposals."""
    options = plan.options
    [*_space(plan), *_proposals(plan)]
    fingerprint(plan)
    check_address(options.tracking_uri or own_address(Path(options.root)))
    job.dump(plan.application)
