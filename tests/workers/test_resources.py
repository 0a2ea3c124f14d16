"""A worker's resources: how they are read, fit on a machine, and are seen by its process."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from besom.app import job
from besom.common.errors import ConfigError
from besom.workers import resources
from besom.workers.local import LocalPool
from besom.workers.messages import Assignment, Composed, Outcome, Ready, Told, WorkerExited
from besom.workers.resources import (
    Resources,
    check_room,
    read_resources,
    room,
    worker_environment,
    worker_variables,
)
from tests.nvidia_smi import A100, H100, fake_gpus
from tests.workers.conftest import runner_in
from tests.workers.placing import VARIABLES, place

TIMEOUT = 30.0
GIB = 1 << 30
LESS = "Give no more than that, or null."


@pytest.fixture
def two_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fake a machine of 16 cores, 64 GiB and two GPUs; unset the user's variables for them."""
    fake_gpus(monkeypatch, tmp_path / "bin", H100, A100)
    monkeypatch.setattr(resources, "cores", lambda: 16)
    monkeypatch.setattr(resources, "total_memory", lambda: 64 * GIB)
    for name in (*VARIABLES, *resources.THREAD_VARIABLES):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ((None, None, None), Resources()),
        ((4.0, 1.0, "4GiB"), Resources(4.0, 1.0, 4 * GIB)),
        ((0.5, 0.25, 1000), Resources(0.5, 0.25, 1000)),
        ((None, 0.0, 4e9), Resources(None, 0.0, 4_000_000_000)),
    ],
)
def test_what_is_said_is_read(given: tuple[Any, ...], read: Resources) -> None:
    assert read_resources(*given) == read


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((0.0, None, None), "cpus=0: must be at least 0.0001"),
        ((-1.0, None, None), "cpus=-1: must"),
        ((float("nan"), None, None), "cpus=nan"),
        ((float("inf"), None, None), "cpus=inf"),
        ((None, 1.5, None), "gpus=1.5: must be a whole number, or a fraction below 1"),
        ((None, -0.5, None), "gpus=-0.5: must"),
        ((None, float("inf"), None), "gpus=inf"),
        ((None, float("nan"), None), "gpus=nan"),
        ((None, None, "4 gigs"), "memory=4 gigs: must be a number of bytes, or a text such as"),
        ((None, None, 0), "memory=0: must"),
        ((None, None, True), "memory=True: must"),
        ((None, None, [1]), "memory=[1]: must"),
    ],
)
def test_what_nothing_can_be_given_by_is_refused(given: tuple[Any, ...], said: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        read_resources(*given)
    assert f"hydra.sweeper.resources.{said}" in str(refusal.value)


@pytest.mark.usefixtures("two_gpus")
@pytest.mark.parametrize(
    ("of_each", "n_workers"),
    [
        (Resources(), 16),
        (Resources(cpus=3), 5),
        (Resources(cpus=0.5), 32),
        (Resources(gpus=0), 16),
        (Resources(gpus=1), 2),
        (Resources(gpus=2), 1),
        (Resources(gpus=0.5), 4),
        (Resources(gpus=0.4), 4),
        (Resources(gpus=0.1, cpus=0.1), 20),
        (Resources(cpus=4, gpus=0.25), 4),
        (Resources(memory=20 * GIB), 3),
    ],
)
def test_so_many_workers_fit(of_each: Resources, n_workers: int) -> None:
    assert room(of_each) == n_workers
    check_room(of_each, n_workers)


@pytest.mark.usefixtures("two_gpus")
@pytest.mark.parametrize(
    ("of_each", "n_workers", "said"),
    [
        (Resources(cpus=17), 1, f"cpus=17: this machine has 16 cores.\n{LESS}"),
        (Resources(gpus=3), 1, f"gpus=3: this machine has 2 GPUs ({H100}, {A100}).\n{LESS}"),
        (
            Resources(memory=65 * GIB),
            1,
            f"memory=65 GiB: this machine has 64 GiB of memory.\n{LESS}",
        ),
        (
            Resources(gpus=0.5),
            5,
            f"gpus=0.5 for each of 5 workers: this machine has 2 GPUs ({H100}, {A100}).\n"
            "Take hydra.sweeper.n_jobs=4, or n_jobs=auto for as many as fit.",
        ),
        (
            Resources(cpus=8, memory=GIB),
            3,
            "cpus=8 for each of 3 workers: this machine has 16 cores.\n"
            "Take hydra.sweeper.n_jobs=2, or n_jobs=auto for as many as fit.",
        ),
    ],
)
def test_more_than_there_is_is_refused_with_what_there_is(
    of_each: Resources, n_workers: int, said: str
) -> None:
    with pytest.raises(ConfigError) as refusal:
        check_room(of_each, n_workers)
    assert str(refusal.value) == f"hydra.sweeper.resources.{said}"


@pytest.mark.usefixtures("two_gpus")
def test_what_the_user_lets_be_seen_is_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    with pytest.raises(ConfigError, match=r"has 1 GPU \(.*A100.*\), as CUDA_VISIBLE_DEVICES says"):
        check_room(Resources(gpus=2), 1)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(ConfigError, match="has no GPU, as CUDA_VISIBLE_DEVICES says"):
        room(Resources(gpus=0.5))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ConfigError, match="has no GPU that nvidia-smi lists"):
        room(Resources(gpus=0.5))


@pytest.mark.usefixtures("two_gpus")
@pytest.mark.parametrize(
    ("visible", "gpus", "seen"),
    [
        (None, 1, ["0", "1"]),
        (None, 2, ["0,1"]),
        (None, 0.5, ["0", "1", "0", "1"]),
        (None, 0, ["", "", ""]),
        ("1,0", 1, ["1", "0"]),
        ("GPU-1111", 0.25, ["GPU-1111"] * 4),
        ("MIG-8a1b,MIG-8a1c,MIG-8a1d", 1, ["MIG-8a1b", "MIG-8a1c", "MIG-8a1d"]),
    ],
)
def test_devices_are_handed_out(
    visible: str | None, gpus: float, seen: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    found = [worker_environment(Resources(gpus=gpus), len(seen), n) for n in range(len(seen))]
    assert [variables["CUDA_VISIBLE_DEVICES"] for variables in found] == seen
    # CUDA numbers GPUs as nvidia-smi does only in that order; the user's own numbers are kept.
    assert ("CUDA_DEVICE_ORDER" in found[0]) is (visible is None)


@pytest.mark.usefixtures("two_gpus")
def test_memory_grows_where_a_gpu_may_be_shared_and_the_users_own_word_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = "TF_FORCE_GPU_ALLOW_GROWTH"

    def grows(gpus: float | None, n_workers: int) -> bool:
        return name in worker_environment(Resources(gpus=gpus), n_workers, 0)

    assert grows(0.5, 1) and grows(None, 2)
    assert not (grows(None, 1) or grows(1, 2) or grows(0, 2))
    assert worker_variables(Resources(gpus=0), 2)["CUDA_VISIBLE_DEVICES"] == ""  # in any pool
    monkeypatch.setenv(name, "false")
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    variables = worker_environment(Resources(cpus=2.5, gpus=0.5), 4, 0)
    assert name not in variables and "OMP_NUM_THREADS" not in variables
    assert variables["TF_NUM_INTRAOP_THREADS"] == "2"
    assert worker_environment(Resources(cpus=0.5), 4, 0)["TF_NUM_INTRAOP_THREADS"] == "1"
    assert worker_environment(Resources(), 4, 0)["TF_NUM_INTRAOP_THREADS"] == "4"


@pytest.fixture
def pool(tmp_path: Path, two_gpus: None) -> Iterator[LocalPool]:
    with runner_in(tmp_path, place) as runner:
        of_each = Resources(cpus=3, gpus=0.5)
        made = LocalPool(2, job.dump(runner), Path("logs"), resources=of_each)
        yield made
        made.stop()


def placed(pool: LocalPool, worker: int) -> tuple[Composed, dict[str, str]]:
    """Run one job; return where it was composed and the variables that its task saw."""
    pool.start(worker)
    messages = []
    while not messages or not isinstance(messages[-1], Outcome):
        event = pool.next_event(TIMEOUT)
        assert event and event.worker == worker
        messages.append(event.message)
        if messages == [Ready()]:
            pool.send(worker, Assignment(0, 1, ()))
    _, composed, told, _ = messages
    assert isinstance(composed, Composed) and isinstance(told, Told)
    return composed, told.arguments[0]


def test_a_worker_sees_its_own_slot_and_so_does_the_one_that_replaces_it(pool: LocalPool) -> None:
    for _ in range(2):
        composed, variables = placed(pool, worker=1)
        assert composed.node == socket.gethostname()
        assert composed.devices == (f"GPU 1: {A100}",)
        assert variables == {
            "CUDA_VISIBLE_DEVICES": "1",
            "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
            "TF_FORCE_GPU_ALLOW_GROWTH": "true",
            "TF_NUM_INTRAOP_THREADS": "3",
            "OMP_NUM_THREADS": "3",
        }
        pool.end(1, "is replaced")
        event = pool.next_event(TIMEOUT)
        assert event and event.message == WorkerExited("is replaced")
