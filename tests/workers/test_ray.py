"""What only a pool on Ray does. No node sees a file of the supervisor."""

import os
import re
import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest
from hydra.core.hydra_config import HydraConfig
from ray._private import utils as ray_utils

from besom.app.hooks import Task
from besom.common.errors import ClusterError
from besom.common.machine.memory import total_memory
from besom.workers.messages import (
    Assignment,
    Composed,
    Event,
    FromWorker,
    Outcome,
    Ready,
    Reported,
    ReportReply,
    Sending,
    Told,
    WorkerExited,
)
from besom.workers.pool import log_file
from besom.workers.ray.cluster import _text_of
from besom.workers.ray.pool import RayPool
from besom.workers.resources import NOTHING_SAID, Resources
from tests.nvidia_smi import H100, fake_gpus
from tests.processes import having, kill, processes, wait_for
from tests.ray_cluster import RayCluster, ray_cluster
from tests.workers.conftest import runner_in
from tests.workers.devouring import devour
from tests.workers.leaving import leave
from tests.workers.telling import tell

TIMEOUT = 60.0


@contextmanager
def pool_in(
    folder: Path,
    cluster: RayCluster,
    task: Task = tell,
    size: int | None = 1,
    resources: Resources = NOTHING_SAID,
    **settings: object,
) -> Iterator[RayPool]:
    with runner_in(folder, task) as runner:
        given = replace(cluster.settings, **settings)  # type: ignore[arg-type]
        pool = RayPool(runner, size, Path("logs"), resources, given)
        try:
            yield pool
        finally:
            pool.stop()


def heard(pool: RayPool) -> FromWorker:
    """Return the pool's next message other than ``Sending``."""
    while (message := heard_of_all(pool)) == Sending():
        pass
    return message


def heard_of_all(pool: RayPool) -> FromWorker:
    event = pool.next_event(TIMEOUT)
    assert isinstance(event, Event)
    return event.message


def actors(mark: str) -> list[int]:
    mine = set(having(mark))
    return [p.pid for p in processes() if p.name.startswith("ray::WorkerA") and p.pid in mine]


def test_files_and_prints_reach_the_supervisor(tmp_path: Path, ray_nodes: RayCluster) -> None:
    """Also files outside the job's folder; the files of an earlier attempt are sent to the node."""
    with pool_in(tmp_path, ray_nodes, leave) as pool:
        pool.connect()
        pool.start(0)
        assert heard(pool) == Ready()
        left = tmp_path / "jobs" / "3" / "checkpoint.txt"
        left.parent.mkdir(parents=True)
        left.write_text("5")
        before = HydraConfig.instance().cfg
        pool.send(0, Assignment(3, 2, ("+megabytes=20",)))
        assert HydraConfig.instance().cfg is before
        composed = heard(pool)
        assert isinstance(composed, Composed) and composed.folder == left.parent
        assert heard(pool) == Reported(1, {"loss": 5.0})
        pool.send(0, ReportReply.CONTINUE)
        assert heard(pool) == Told("save", (left.parent / ".shape",))
        saved = left.parent / "saved"
        assert heard_of_all(pool) == heard_of_all(pool) == Sending()  # 20 MiB are three pieces
        assert heard(pool) == Told("save", (saved / "0" / "large.bin",))
        assert (saved / "0" / "large.bin").stat().st_size == 20 << 20
        assert heard(pool) == Told("save", (saved / "1" / "beside.txt",))
        assert (saved / "1" / "beside.txt").read_text() == "of all trials"
        assert isinstance(heard(pool), Outcome)
        assert not (tmp_path / "large.bin").exists()
        assert (left.parent / ".hydra" / "config.yaml").exists()
        assert (left.parent / ".shape").read_text() == "(2, 3)"
        assert not left.exists()  # the task removed it on the node
        assert "printed by the task" in log_file(tmp_path / "logs", 0).read_text()


def test_a_killed_actor_is_told_of_and_followed(tmp_path: Path, ray_nodes: RayCluster) -> None:
    environment = deepcopy(ray_nodes.settings.runtime_env)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    environment["env_vars"] |= {"BESOM_TEST_FOLDER": str(tmp_path), "TMPDIR": str(scratch)}
    with pool_in(tmp_path, ray_nodes, runtime_env=environment) as pool:
        pool.connect()
        pool.start(0)
        assert heard(pool) == Ready()
        (actor,) = actors(f"BESOM_TEST_FOLDER={tmp_path}")
        (folder,) = scratch.glob("besom-worker-*")
        kill(actor)
        died = heard(pool)
        assert isinstance(died, WorkerExited) and died.cause.startswith("was killed on")
        wait_for(lambda: not folder.exists())
        pool.start(0)
        assert heard(pool) == Ready()


def test_a_worker_is_ended_that_waits_for_the_first(tmp_path: Path, ray_nodes: RayCluster) -> None:
    with pool_in(tmp_path, ray_nodes) as pool:
        pool.connect()
        for worker in range(2):
            pool.start(worker)
        pool.end(1, "is one too many")
        events = [pool.next_event(TIMEOUT) for _ in range(2)]
        said = {event.worker: event.message for event in events if event}
        assert said == {0: Ready(), 1: WorkerExited("is one too many")}
        assert pool.next_event(0.1) is None


@pytest.mark.slow  # Ray takes half a minute to notice
def test_a_node_is_lost_and_another_one_comes(tmp_path: Path) -> None:
    with ray_cluster(1) as cluster, pool_in(tmp_path, cluster, size=None) as pool:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in cluster.variables.items():
                patch.setenv(name, value)
            pool.connect()
        assert pool.room() == 1
        pool.start(0)
        assert heard(pool) == Ready()
        cluster.kill(0)
        died = heard(pool)
        assert isinstance(died, WorkerExited)
        assert died.cause.startswith("was lost")
        pool.start(0)
        assert pool.next_event(1.0) is None
        cluster.add()
        assert heard(pool) == Ready()
        cluster.kill_head()
        with pytest.raises(ClusterError, match="is gone"):
            heard(pool)
            heard(pool)


@pytest.mark.parametrize(
    ("resources", "settings", "text"),
    [
        (Resources(gpus=1), {}, "no node of the cluster has that"),
        (NOTHING_SAID, {"address": "127.0.0.1:9"}, "does not answer"),
        (NOTHING_SAID, {"runtime_env": {"working_dir": "/absent"}}, r"runtime_env.*/absent"),
        (NOTHING_SAID, {"runtime_env": {"pips": []}}, "did you mean `pip`"),
        (NOTHING_SAID, {"runtime_env": {"env_vars": [1]}}, "must be of type Dict"),
        (NOTHING_SAID, {"address": "local"}, "take auto, or host:port"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_starts(
    resources: Resources,
    settings: dict[str, object],
    text: str,
    tmp_path: Path,
    ray_nodes: RayCluster,
) -> None:
    with pool_in(tmp_path, ray_nodes, resources=resources, **settings) as pool:
        with pytest.raises(ClusterError, match=text) as error:
            pool.connect()
        assert len(str(error.value).splitlines()) <= 3
        assert not (tmp_path / "logs").exists()


@pytest.mark.slow  # takes ten seconds
def test_what_is_no_cluster_is_refused(tmp_path: Path, ray_nodes: RayCluster) -> None:
    """The port belongs to another service; Ray itself would wait for it forever."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        refused = pytest.raises(ClusterError, match="does not answer as a cluster does")
        with pool_in(tmp_path, ray_nodes, address=address) as pool, refused:
            pool.connect()


def test_an_address_that_ray_remembers_is_refused_where_nothing_answers(
    tmp_path: Path, ray_nodes: RayCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:9")
    refused = pytest.raises(ClusterError, match=r"address=auto \(\S+:9\) does not answer")
    with pool_in(tmp_path, ray_nodes, address="auto") as pool, refused:
        pool.connect()


def test_a_ray_of_its_own_has_the_memory_and_the_gpus_of_the_machine(
    tmp_path: Path, ray_nodes: RayCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_gpus(monkeypatch, tmp_path / "bin", H100, H100)
    each = Resources(gpus=1, memory=total_memory() // 2)
    with pool_in(tmp_path, ray_nodes, size=2, resources=each, address=None) as pool:
        pool.connect()
        assert pool.room() == 2


def test_a_token_that_is_not_the_clusters_is_refused(
    tmp_path: Path, ray_nodes: RayCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN", "ab" * 32)
    refused = pytest.raises(ClusterError, match="asks for its token; set RAY_AUTH_MODE")
    with pool_in(tmp_path, ray_nodes) as pool, refused:
        pool.connect()


def test_another_besom_on_a_node_is_refused(tmp_path: Path, ray_nodes: RayCluster) -> None:
    with pool_in(tmp_path, ray_nodes) as pool:
        pool._home = replace(pool._home, version="9.9")
        with pytest.raises(ClusterError, match=r"and this is 9\.9"):
            pool.connect()


def test_another_ray_is_named_with_its_python() -> None:
    """Checked with Ray's own error: a cluster of another Ray would take a second environment."""
    other = {"ray_version": "2.9.1", "python_version": "3.12.1"}
    with pytest.raises(RuntimeError) as error:
        ray_utils.check_version_info(other, "node 10.0.0.1")
    text = _text_of(error.value, "auto")
    assert "the cluster has Ray 2.9.1 with Python 3.12.1, and this is Ray" in text
    assert len(text.splitlines()) == 2


@pytest.mark.slow  # takes gigabytes, on a machine that is otherwise idle
def test_out_of_memory_is_told_as_ray_tells_it(tmp_path: Path) -> None:
    lines = Path("/proc/meminfo").read_text().splitlines()
    kilobytes = {line.split(":")[0]: int(line.split()[1]) for line in lines}
    used = 1 - kilobytes["MemAvailable"] / kilobytes["MemTotal"]
    limit = {"RAY_memory_usage_threshold": f"{used + 0.1:.3f}"}
    with ray_cluster(1, variables=limit) as cluster, pool_in(tmp_path, cluster, devour) as pool:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in cluster.variables.items():
                patch.setenv(name, value)
            pool.connect()
        pool.start(0)
        assert heard(pool) == Ready()
        pool.send(0, Assignment(3, 1, ()))
        assert isinstance(heard(pool), Composed)
        died = heard(pool)
        assert isinstance(died, WorkerExited)
        assert re.fullmatch(r"was ended by Ray: \S+ runs out of memory", died.cause)


@pytest.mark.slow  # 2 GiB are written three times
def test_a_large_file_passes_in_bounded_memory(tmp_path: Path, ray_nodes: RayCluster) -> None:
    with pool_in(tmp_path, ray_nodes, leave) as pool:
        pool.connect()
        pool.start(0)
        assert heard(pool) == Ready()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        pool.send(0, Assignment(3, 1, ("+megabytes=2048",)))
        assert isinstance(heard(pool), Composed)
        assert isinstance(heard(pool), Reported)
        pool.send(0, ReportReply.CONTINUE)
        assert isinstance(heard(pool), Told)
        while not isinstance(message := heard_of_all(pool), Told):
            assert message == Sending()
        (driver,) = (p.pid for p in processes() if p.parent == os.getpid() and p.session == p.pid)
        status = Path(f"/proc/{driver}/status").read_text()
        peak = next(int(line.split()[1]) for line in status.splitlines() if "VmHWM" in line)
        assert (tmp_path / "jobs/3/saved/0/large.bin").stat().st_size == 2 << 30
        assert peak < 500_000  # kB, Ray itself included
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000
