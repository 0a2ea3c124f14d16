"""Sweeps with records in PostgreSQL: after each restart of it, the same command resumes them."""

import signal
import time
from functools import partial
from pathlib import Path

import pytest

from tests.chaos.autopsy import Stores
from tests.chaos.harness import Sizes, Victim, hurt, wait_for
from tests.postgres import Postgres
from tests.processes import kill

pytestmark = pytest.mark.slow

SIZES = Sizes(workers=4, trials=60, worker_kills=10, supervisor_kills=2, stops=3, restarts=8)


@pytest.mark.parametrize(("seed", "how"), [(1, "fast"), (2, "immediate")])
def test_kills_and_restarts(
    seed: int, how: str, database: Postgres, stores: Stores, tmp_path: Path
) -> None:
    done, found = hurt(tmp_path, seed, SIZES, stores, partial(database.restart, how))
    assert found.faults == []
    assert done.restarts == SIZES.restarts
    assert "Traceback" not in (tmp_path / "output.log").read_text()


def test_without_a_server_of_mlflows(database: Postgres, tmp_path: Path) -> None:
    """The sweep writes to MLflow's tables directly."""
    stores = Stores(database.make("optuna"), database.make("mlflow"))
    sizes = Sizes(workers=2, trials=12, worker_kills=2, supervisor_kills=1, stops=0, restarts=3)
    done, found = hurt(tmp_path, 1, sizes, stores, partial(database.restart, "immediate"))
    assert found.faults == []
    assert done.restarts == sizes.restarts


def test_a_second_supervisor_on_another_machine_is_refused(
    database: Postgres, stores: Stores, tmp_path: Path
) -> None:
    """A second root stands for a second machine."""
    sizes = Sizes(workers=1, trials=5)
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder in folders:
        folder.mkdir()
    one, other = (Victim(folder, sizes, "seconds=0.6", stores=stores) for folder in folders)
    sweep = one.start()
    try:
        wait_for(one.n_ended, 60)
        refused = other.start()
        assert refused.wait(timeout=60) == 2
        assert "is being swept already, by process" in other.output()
        assert sweep.wait(timeout=120) == 0, one.output()
    finally:
        sweep.kill()
    assert one.examine().faults == []


def test_a_sweep_that_slept_leaves_what_another_machine_has_finished(
    database: Postgres, stores: Stores, tmp_path: Path
) -> None:
    """A restart of the database releases the first supervisor's lock and breaks its connection."""
    sizes = Sizes(workers=1, trials=5, seconds=1)
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder in folders:
        folder.mkdir()
    one, other = (Victim(folder, sizes, stores=stores) for folder in folders)
    sweep = one.start()
    try:
        wait_for(lambda: one.n_ended() and one.n_begun(), 60)
        time.sleep(0.5)  # until the next trial of four seconds trains, and nothing is written
        kill(sweep.pid, signal.SIGSTOP)
        database.restart("immediate")
        other.finish()
        kill(sweep.pid, signal.SIGCONT)
        assert sweep.wait(timeout=60) == 2
    finally:
        sweep.kill()
    assert "the connection broke; the same command resumes the sweep" in one.output()
    assert "Traceback" not in one.output()
    assert other.examine().faults == []
