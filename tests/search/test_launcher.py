"""Tests launchers of other plugins, of which only the config nodes are read."""

from collections.abc import Iterator
from typing import Any

import pytest
from hydra import compose, initialize
from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins

from besom.common.errors import ConfigError
from besom.search.optuna_sweeper_options import read_options

JOBLIB = "hydra_plugins.hydra_joblib_launcher.joblib_launcher.JoblibLauncher"
SUBMITIT = "hydra_plugins.hydra_submitit_launcher.submitit_launcher"
RAY = "hydra_plugins.hydra_ray_launcher"


@pytest.fixture(autouse=True)
def own_launchers() -> Iterator[None]:
    """Restore the installed launchers after each test."""
    Plugins.instance()
    launchers = ConfigStore.instance().repo["hydra"]["launcher"]
    before = dict(launchers)
    yield
    launchers.clear()
    launchers.update(before)


def read(name: str, node: dict[str, Any], *overrides: str) -> None:
    Plugins.instance()
    store = ConfigStore.instance()
    store.store(group="hydra/launcher", name=name, node=node)
    store.store(name="launched", node={"defaults": ["_self_", {"override hydra/sweeper": "besom"}]})
    with initialize(None, version_base="1.3", job_name="app"):
        words = [f"hydra/launcher={name}", *overrides]
        read_options(compose("launched", words, return_hydra_config=True))


@pytest.mark.parametrize(
    ("name", "node", "n_jobs"),
    [
        ("joblib", {"_target_": JOBLIB, "n_jobs": 10}, "n_jobs=10 does what its n_jobs would"),
        ("many", {"_target_": JOBLIB, "n_jobs": -1}, "n_jobs says how many at a time"),
        ("submitit_local", {"_target_": f"{SUBMITIT}.LocalLauncher"}, "n_jobs says how many"),
        (
            "ray",
            {"_target_": f"{RAY}.ray_launcher.RayLauncher", "ray": {"init": {}}},
            "n_jobs says",
        ),
        ("own", {"_target_": "hydra_plugins.own.OwnLauncher"}, "n_jobs says"),
    ],
)
def test_a_launcher_of_this_machine_is_told_what_takes_its_place(
    name: str, node: dict[str, Any], n_jobs: str, capsys: pytest.CaptureFixture[str]
) -> None:
    read(name, node)
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert said.startswith(f"besom: hydra/launcher={name} is not used, since")
    assert f"hydra.sweeper.{n_jobs}" in said


@pytest.mark.parametrize(
    ("name", "node"),
    [
        ("submitit_slurm", {"_target_": f"{SUBMITIT}.SlurmLauncher"}),
        ("ray_aws", {"_target_": f"{RAY}.ray_aws_launcher.RayAWSLauncher"}),
        ("rq", {"_target_": "hydra_plugins.hydra_rq_launcher.rq_launcher.RQLauncher"}),
        (
            "cluster",
            {"_target_": f"{RAY}.ray_launcher.RayLauncher", "ray": {"init": {"address": "auto"}}},
        ),
    ],
)
def test_a_launcher_of_other_machines_is_refused(name: str, node: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=rf"hydra/launcher={name}: .*\n.*hydra/launcher=basic"):
        read(name, node)


def test_hydras_own_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    read("joblib", {"_target_": JOBLIB}, "hydra/launcher=basic")
    assert capsys.readouterr().err == ""
