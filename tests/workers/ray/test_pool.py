"""What a Ray pool decides on the supervisor's side, without Ray running."""

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from besom.common.errors import ClusterError, ConfigError
from besom.workers.ray import driver_process
from besom.workers.ray.driver_process import DriverProcess, setup_seconds
from besom.workers.ray.pool import RayPool
from besom.workers.ray.protocol import Joined, RaySettings, Room
from besom.workers.resources import NOTHING_SAID, Resources
from tests.workers.conftest import runner_in
from tests.workers.telling import tell


def pool_in(
    folder: Path, settings: RaySettings, resources: Resources = NOTHING_SAID, size: int = 2
) -> RayPool:
    with runner_in(folder, tell) as runner:
        return RayPool(runner, size, Path("logs"), resources, settings)


@contextmanager
def driver_saying(*messages: Any) -> Iterator[DriverProcess]:
    driver = object.__new__(DriverProcess)
    driver._connection, theirs = multiprocessing.Pipe()
    with driver._connection, theirs:
        for message in messages:
            theirs.send(message)
        yield driver


def test_what_the_user_has_set_of_threads_and_memory_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TF_FORCE_GPU_ALLOW_GROWTH", "false")
    on_cluster = RaySettings("head:6379", runtime_env={"env_vars": {"OMP_NUM_THREADS": 4}})
    there = pool_in(tmp_path, on_cluster, Resources(gpus=0.5))._variables()
    here = pool_in(tmp_path, RaySettings(), Resources(gpus=0.5))._variables()
    assert "OMP_NUM_THREADS" not in there and "MKL_NUM_THREADS" in there
    assert "TF_FORCE_GPU_ALLOW_GROWTH" in there  # the environment of this process is not sent
    assert "TF_FORCE_GPU_ALLOW_GROWTH" not in here


def test_a_worker_without_gpus_sees_none_whatever_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    given = RaySettings(runtime_env={"env_vars": {"CUDA_VISIBLE_DEVICES": "1"}})
    variables = pool_in(tmp_path, given, Resources(gpus=0))._variables()
    assert variables["CUDA_VISIBLE_DEVICES"] == ""


def test_an_absolute_folder_of_each_job_is_refused_on_a_cluster(tmp_path: Path) -> None:
    with runner_in(tmp_path, tell) as runner:
        runner.master.hydra.sweep.subdir = "/elsewhere/${hydra.job.num}"
        pool = RayPool(runner, 1, Path("logs"), NOTHING_SAID, RaySettings("127.0.0.1:9"))
        with pytest.raises(ConfigError, match=r"hydra\.sweep\.subdir=/elsewhere"):
            pool.connect()


def test_too_little_room_in_a_ray_of_the_sweeps_own_is_refused(tmp_path: Path) -> None:
    pool = pool_in(tmp_path, RaySettings(), size=3)
    pool._room = 2
    with pytest.raises(ClusterError, match=r"n_jobs=3: .* room for 2 .*; take .*n_jobs=2"):
        pool._check_room()
    elsewhere = pool_in(tmp_path, RaySettings("auto"), size=3)  # there, workers may wait for room
    elsewhere._room = 2
    elsewhere._check_room()


def test_a_runtime_environment_has_its_own_time_to_be_built(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with driver_saying(Joined(), Room(3)) as driver:
        assert driver.first_room(0.0) == 3
    refused = pytest.raises(ClusterError, match="runtime_env: no node has built it within 0 s")
    with driver_saying(Joined()) as driver, refused as error:
        driver.first_room(0.0)
    assert "setup_timeout_seconds" in str(error.value)
    monkeypatch.setattr(driver_process, "CONNECT_SECONDS", 0)
    refused = pytest.raises(ClusterError, match="Ray has not started within 0 s")
    with driver_saying() as driver, refused:
        driver.first_room(60.0)


@pytest.mark.parametrize(
    ("config", "seconds"),
    [({}, 690), ({"setup_timeout_seconds": 1800}, 1890), ({"setup_timeout_seconds": -1}, None)],
)
def test_the_time_to_build_is_the_one_that_ray_is_given(
    config: dict[str, int], seconds: float | None
) -> None:
    assert setup_seconds(RaySettings("auto", runtime_env={"config": config})) == seconds
