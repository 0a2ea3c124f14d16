"""Sweeps whose workers are Ray actors: results and records equal those of local processes."""

import os
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes import having, kill, wait_for
from tests.ray_cluster import RayCluster, ray_cluster
from tests.sweep.apps import audit, command, n_ended, run, run_cold

SPACE = (
    *("x=interval(-2,2)", "hydra.sweeper.objective=loss", "hydra.sweeper.n_trials=8"),
    *("hydra/sweeper/sampler=random", "hydra.sweeper.sampler.seed=1"),
)
MARK = "BESOM_TEST_SWEEP"


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayCluster]:
    with ray_cluster(2) as made:
        yield made


class Sweep:
    """A sweep of ``stepping`` on a Ray cluster whose nodes find only the files sent to them."""

    def __init__(self, cluster: RayCluster, folder: Path, *overrides: str) -> None:
        self.mark = uuid.uuid4().hex
        self._folder = folder
        self._variables = dict(cluster.variables)
        self._command = command(
            "stepping",
            *(*SPACE, "hydra.sweeper.pool=ray", f"hydra.sweeper.ray.address={cluster.address}"),
            f"hydra.sweeper.ray.runtime_env={{env_vars: {{{MARK}: '{self.mark}'}}}}",
            *overrides,
        )

    def start(self) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            self._command,
            cwd=self._folder,
            env=os.environ | self._variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def workers(self) -> list[int]:
        """Return the process ids of its processes on the nodes."""
        return having(f"{MARK}={self.mark}")


def test_a_ray_of_the_sweeps_own_finds_what_processes_find(root: Path, tmp_path: Path) -> None:
    few = (*SPACE, "hydra.sweeper.n_trials=4")
    ray = ("hydra.sweeper.pool=ray", "hydra.sweeper.n_jobs=2")
    done = run_cold("stepping", *few, *ray, folder=root.parent)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert "2 workers, by Ray on this machine" in done.stdout
    elsewhere = tmp_path / "local"
    elsewhere.mkdir()
    local = run("stepping", *few, folder=elsewhere)
    assert local.returncode == 0, local.stderr
    found, expected = audit(root, "stepping"), audit(elsewhere / "mlruns", "stepping")
    assert sorted(t.params["x"] for t in found.trials) == sorted(
        t.params["x"] for t in expected.trials
    )
    assert {t.params["x"]: t.value for t in found.trials} == {
        t.params["x"]: t.value for t in expected.trials
    }


@pytest.mark.slow  # also covered by tests/chaos/on_ray.py
def test_a_killed_supervisor_takes_its_actors_along_and_the_same_command_goes_on(
    root: Path, cluster: RayCluster
) -> None:
    sweep = Sweep(cluster, root.parent, "seconds=0.1", "hydra.sweeper.n_jobs=auto")
    first = sweep.start()
    wait_for(lambda: n_ended(root, "stepping") >= 2)
    assert sweep.workers()
    kill(first.pid)
    first.communicate()
    wait_for(lambda: not sweep.workers(), 10)
    second = sweep.start()
    output, errors = second.communicate(timeout=120)
    assert second.returncode == 0 and errors == "", output + errors
    found = audit(root, "stepping")
    assert found.states() == {"COMPLETE": 8}


@pytest.mark.slow  # starts a cluster of its own
def test_a_head_that_dies_ends_the_sweep_in_a_line_and_it_goes_on_elsewhere(
    root: Path, cluster: RayCluster
) -> None:
    with ray_cluster(1) as dying:
        sweep = Sweep(dying, root.parent, "seconds=0.2").start()
        wait_for(lambda: n_ended(root, "stepping") >= 1)
        dying.kill_head()
        output, errors = sweep.communicate(timeout=120)
    assert sweep.returncode == 2, output + errors
    assert errors.strip().splitlines()[-1].startswith("besom: The Ray cluster is gone"), errors
    assert "Traceback" not in errors
    again = Sweep(cluster, root.parent, "seconds=0.2").start()
    output, errors = again.communicate(timeout=120)
    assert again.returncode == 0, output + errors
    assert audit(root, "stepping").states() == {"COMPLETE": 8}


def test_nothing_is_made_where_no_cluster_answers(tmp_path: Path) -> None:
    ray = ("hydra.sweeper.pool=ray", "hydra.sweeper.ray.address=127.0.0.1:9")
    done = run("stepping", *SPACE, *ray, folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("besom: hydra.sweeper.ray.address=127.0.0.1:9 does not answer")
    assert not any(tmp_path.iterdir())
