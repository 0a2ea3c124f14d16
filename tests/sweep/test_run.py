"""How a sweep starts and ends: workers prepare early, and none outlives a refusal or a kill."""

import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from rich.console import Console

from besom.common.errors import StoreError, StudyError
from besom.search.storage.database import open_study
from besom.search.storage.server import ConnectionLost
from besom.search.study import Study
from besom.sweep import parent_run
from besom.sweep import run as sweep_run
from besom.sweep.callbacks.base import Callback
from besom.sweep.callbacks.queue import CallbackQueue
from besom.sweep.callbacks.rows import StudyEnded
from besom.sweep.plan import Plan
from besom.sweep.steering.requests import steering_folder
from besom.sweep.steering.state import SupervisorState
from besom.sweep.supervisor import Supervisor
from besom.tracking import schema
from tests.processes import is_alive, kill, wait_for
from tests.sweep.apps import audit, run, start
from tests.sweep.conftest import Bench, ScriptedPool, completes

SPACE = ("+x=interval(0,1)", "hydra.sweeper.n_trials=3")


def prepared(folder: Path) -> list[int]:
    """Return the process ids of all workers that have begun to prepare."""
    return [int(path.name) for path in (folder / "prepared").glob("*")]


def test_workers_prepare_before_their_first_trial(root: Path) -> None:
    """If they cannot, the sweep ends before any trial; a finished study starts no worker."""
    (root.parent / "sick").touch()
    done = run("preparing", *SPACE, folder=root.parent)
    assert done.returncode == 1
    said = "does not start: it ended with exit code 1; see "
    assert said in done.stderr and "/workers/worker-0.log" in done.stderr
    log = next((root.parent / "multirun").rglob("worker-0.log"))
    assert "OSError: no such library" in log.read_text()
    assert not audit(root, "preparing").states()
    (root.parent / "sick").unlink()
    shutil.rmtree(root.parent / "prepared")
    for _ in range(2):
        done = run("preparing", *SPACE, folder=root.parent)
        assert done.returncode == 0, done.stdout + done.stderr
        assert len(prepared(root.parent)) == 1
        assert audit(root, "preparing").states() == {"COMPLETE": 3}


@pytest.mark.parametrize("address", ["http://127.0.0.1:9", "sqlite:////proc", "nonsense://x"])
def test_an_address_that_cannot_be_used_leaves_neither_study_nor_worker(
    tmp_path: Path, address: str
) -> None:
    done = run("preparing", *SPACE, f"hydra.sweeper.tracking_uri={address}", folder=tmp_path)
    assert done.returncode == 2
    assert address.rpartition("/")[2] in done.stderr
    assert not (tmp_path / "mlruns" / "optuna.db").exists()
    assert prepared(tmp_path) == []


def test_what_only_mlflow_refuses_takes_the_workers_along(root: Path) -> None:
    client = MlflowClient(f"sqlite:///{root / 'mlflow.db'}")
    experiment = client.create_experiment("gone", (root / "artifacts").as_uri())
    client.delete_experiment(experiment)
    (root.parent / "slow").touch()
    done = run("preparing", *SPACE, "hydra.sweeper.experiment=gone", folder=root.parent)
    assert done.returncode == 2
    assert "has been deleted" in done.stderr
    assert not any(map(is_alive, prepared(root.parent)))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_ended_while_it_starts_it_leaves_no_worker(root: Path, number: signal.Signals) -> None:
    (root.parent / "slow").touch()
    sweep = start("preparing", *SPACE, folder=root.parent)
    wait_for(lambda: len(prepared(root.parent)) == 2)
    kill(sweep.pid, number)
    output, _ = sweep.communicate(timeout=20)
    assert sweep.returncode in (128 + number, -number), output
    assert "Traceback" not in output
    assert number == signal.SIGKILL or "the same command resumes the sweep" in output
    wait_for(lambda: not any(map(is_alive, prepared(root.parent))), seconds=5)
    if number == signal.SIGKILL:  # nothing was cleaned up: a resume still works
        (root.parent / "slow").unlink()
        assert run("preparing", *SPACE, folder=root.parent).returncode == 0
        assert audit(root, "preparing").states() == {"COMPLETE": 3}


def test_a_study_that_is_refused_is_closed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[str] = []

    def opened(*given: Any) -> Study:
        study = open_study(*given)
        close, study.close = study.close, lambda: (closed.append(study.name), close())[1]
        return study

    def refuse(*_: object) -> None:
        raise StudyError("begun with something else")

    monkeypatch.setattr(sweep_run, "open_study", opened)
    monkeypatch.setattr(sweep_run, "hold_to", refuse)
    plan = bench.plan(study_name="bench", storage=f"sqlite:///{bench.root / 'optuna.db'}")
    with pytest.raises(StudyError, match="something else"):
        sweep_run._run(plan, ScriptedPool(completes), Console(quiet=True))
    assert closed == ["bench"]


def swept(plan: Plan, study: Study, bench: Bench, pool: ScriptedPool) -> None:
    steering_folder(bench.root, study.name).mkdir(parents=True)
    told = (CallbackQueue(), SupervisorState("", {}), Console(quiet=True))
    sweep_run._sweep(plan, study, bench.record, pool, *told)


@pytest.mark.parametrize(
    ("error", "status"),
    [(ConnectionLost("lost"), "RUNNING"), (OSError("a bug"), "FAILED")],
)
def test_a_sweep_that_may_have_lost_the_study_leaves_the_sweeps_own_run_alone(
    error: Exception, status: str, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, study = bench.plan(n_trials=3), bench.study()
    parent = bench.record.start_run("bench", {schema.ROLE: "sweep"})

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(sweep_run, "open_parent_run", lambda *_: parent)
    monkeypatch.setattr(parent_run, "note", lambda *_: "")
    monkeypatch.setattr(study, "tell", fail)
    with pytest.raises(type(error), match=str(error)):
        swept(plan, study, bench, ScriptedPool(completes))
    bench.record.flush()
    assert MlflowClient(bench.record.uri).get_run(parent).info.status == status


def test_each_part_of_the_end_is_done_whatever_another_one_raises(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If open runs cannot be closed, callbacks are still told and the sweep's own run is closed."""

    class Listed(Callback):
        def on_study_end(self, study: StudyEnded) -> None:
            told.append((study.status, study.error))

    def refuse(*_: object) -> None:
        raise StoreError("no room")

    told: list[tuple[str, str]] = []
    parent = bench.record.start_run("bench", {schema.ROLE: "sweep"})
    callbacks = CallbackQueue([Listed()])
    plan, study = bench.plan(n_trials=3), bench.study()
    steering_folder(bench.root, study.name).mkdir(parents=True)
    monkeypatch.setattr(sweep_run, "open_parent_run", lambda *_: parent)
    monkeypatch.setattr(parent_run, "note", lambda *_: "")
    monkeypatch.setattr(study, "tell", refuse)
    monkeypatch.setattr(Supervisor, "abandon", refuse)
    state, console = SupervisorState("", {}), Console(quiet=True)
    with pytest.raises(StoreError, match="no room"):
        sweep_run._sweep(
            plan, study, bench.record, ScriptedPool(completes), callbacks, state, console
        )
    callbacks.close()
    bench.record.flush()
    assert told == [("failed", "no room")]
    assert MlflowClient(bench.record.uri).get_run(parent).info.status == "FAILED"


def test_nor_does_it_close_that_where_the_connection_breaks_at_last(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = bench.record.start_run("bench", {schema.ROLE: "sweep"})

    def lose(*_: object) -> str:
        raise ConnectionLost("lost")

    monkeypatch.setattr(sweep_run, "open_parent_run", lambda *_: parent)
    monkeypatch.setattr(parent_run, "note", lose)
    swept(bench.plan(n_trials=1), bench.study(), bench, ScriptedPool(completes))
    bench.record.flush()
    assert MlflowClient(bench.record.uri).get_run(parent).info.status == "RUNNING"
