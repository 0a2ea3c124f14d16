"""Shared by the tests of pools: job runners, and a Ray cluster."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hydra import version
from hydra._internal.callbacks import Callbacks
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import HydraContext, RunMode

from besom.app.hooks import Task
from besom.app.job import JobRunner
from tests.ray_cluster import VARIABLES, RayCluster, ray_cluster


@pytest.fixture(scope="session")
def ray_nodes() -> Iterator[RayCluster]:
    """Yield a Ray cluster of two nodes, each with room for one worker."""
    with pytest.MonkeyPatch.context() as patch, ray_cluster(2) as cluster:
        for name, value in VARIABLES.items():
            patch.setenv(name, value)
        yield cluster


@contextmanager
def runner_in(folder: Path, task: Task) -> Iterator[JobRunner]:
    """Yield a job runner of ``task``, with ``folder`` as working folder and its jobs below it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        version.setbase("1.3")
        hydra = Hydra.create_main_hydra2("task", create_config_search_path(None))
        master = hydra.compose_config(None, ["hydra.sweep.dir=jobs"], RunMode.MULTIRUN)
        context = HydraContext(config_loader=hydra.config_loader, callbacks=Callbacks())
        before = HydraConfig.instance().cfg
        yield JobRunner(context, task, master)
        HydraConfig.instance().cfg = before
        GlobalHydra.instance().clear()
