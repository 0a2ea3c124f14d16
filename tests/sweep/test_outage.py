"""Sweeps whose MLflow server goes away: training goes on; no record is lost or duplicated."""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import optuna
import pytest
from mlflow import MlflowClient

from besom.tracking import schema
from tests import warm
from tests.conftest import Command
from tests.processes import wait_for
from tests.servers import MlflowServer, hanging
from tests.sweep.apps import n_ended, start

N_TRIALS, STEPS = 8, 3


def sweep(
    server: MlflowServer, folder: Path, seconds: float, n_trials: int = N_TRIALS
) -> warm.Process:
    return start(
        "stepping",
        *(
            "x=interval(-2,2)",
            "hydra.sweeper.objective=loss",
            f"steps={STEPS}",
            f"seconds={seconds}",
        ),
        f"hydra.sweeper.n_trials={n_trials}",
        f"hydra.sweeper.tracking_uri={server.address}",
        folder=folder,
    )


@contextmanager
def back(server: MlflowServer, process: warm.Process) -> Iterator[None]:
    """Start the server again, with the sweep suspended meanwhile so that it cannot end before."""
    with ExitStack() as opened:
        with hanging(process.pid):
            opened.enter_context(server.up())
        yield


def check(server: MlflowServer, root: Path, n_trials: int = N_TRIALS) -> None:
    """Assert that all trials are complete and have one run each, with every metric once."""
    study = optuna.load_study(study_name="stepping", storage=f"sqlite:///{root / 'optuna.db'}")
    trials = study.get_trials()
    assert [trial.state.name for trial in trials] == ["COMPLETE"] * n_trials
    client = MlflowClient(server.address)
    (experiment,) = client.search_experiments(filter_string="name = 'besom'")
    runs = client.search_runs([experiment.experiment_id])
    known = {run.info.run_id: run for run in runs} | {
        run.data.tags[schema.KEY]: run for run in runs if schema.KEY in run.data.tags
    }
    assert Counter(run.data.tags.get(schema.TRIAL) for run in runs) == Counter(
        [None, *(str(number) for number in range(n_trials))]
    )
    starts = [known[trial.user_attrs["besom.run_id"]].info.start_time for trial in trials]
    assert starts == sorted(starts)
    for trial in trials:
        run = known[trial.user_attrs["besom.run_id"]]
        assert run.info.status == "FINISHED" and run.data.tags[schema.TRIAL] == str(trial.number)
        history = client.get_metric_history(run.info.run_id, "loss")
        points = sorted(history, key=lambda point: point.timestamp)
        assert [point.step for point in points] == [1, 2, STEPS, STEPS]
        assert run.data.metrics["loss"] == trial.value
    assert not list((root / "spool").glob("*.jsonl"))


@pytest.mark.slow  # also covered by tests/chaos/long/test_servers.py
def test_a_server_that_comes_back_gets_everything(server: MlflowServer, root: Path) -> None:
    with server.up():
        process = sweep(server, root.parent, seconds=0.5)
        wait_for(lambda: n_ended(root, "stepping") >= 2)
    wait_for(lambda: n_ended(root, "stepping") >= 4)  # during the outage
    with back(server, process):
        output, _ = process.communicate(timeout=120)
        assert process.returncode == 0, output
        check(server, root)


def test_a_server_that_stays_away_gets_it_later(
    server: MlflowServer, root: Path, besom: Command
) -> None:
    n_trials = 4
    with server.up():
        process = sweep(server, root.parent, 0.1, n_trials)
        wait_for(lambda: n_ended(root, "stepping") >= 1)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 2, output
    assert "Best: " in output and "`besom sync` delivers it" in output
    assert "Traceback" not in output
    with server.up():
        ended = besom("sync", "--tracking-uri", server.address)
        assert ended.code == 0, ended.err
        check(server, root, n_trials)
