"""Runs that begin while MLflow is away: a real server, ended and started again."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from besom.errors import StoreError
from besom.tracking import Record, connect
from besom.tracking.latecomers import PREFIX, Latecomers
from besom.tracking.runs import KEY
from tests.conftest import Command
from tests.servers import MlflowServer


def found(client: MlflowClient, name: str) -> list[Run]:
    experiments = [one.experiment_id for one in client.search_experiments()]
    return list(client.search_runs(experiments, f"attributes.run_name = '{name}'"))


LOST = """
import os, sys
from pathlib import Path
from besom.tracking import connect

record = connect(Path(sys.argv[1]), sys.argv[2], "sweeps")
parent = record.start_run("sweep", {"besom.role": "sweep"})
record.flush()
print(parent, flush=True)
sys.stdin.readline()  # the server is gone now
late = record.start_run("late", {"besom.study": "s"}, parent, {"units": 8})
for step in range(1, 6):
    record.metrics(late, step, {"loss": 1 / step})
record.text(late, "config.yaml", "a: 1\\n")
record.finish(late, "FINISHED", {"besom.state": "complete"}, {})
record.confirm(late)
print(late, flush=True)
os._exit(9)
"""


@pytest.fixture
def lost(server: MlflowServer, tmp_path: Path) -> Iterator[str]:
    """A run that began and ended while the server was away, in a process that is gone too."""
    command = [sys.executable, "-c", LOST, str(tmp_path / "mlruns"), server.address]
    with server.up():
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout and process.stdin
        assert process.stdout.readline(), process.communicate()[1]
    process.stdin.write("\n")
    process.stdin.flush()
    late = process.stdout.readline().strip()
    _, said = process.communicate(timeout=60)
    assert process.returncode == 9, said
    yield late


def test_a_run_that_began_meanwhile_is_delivered_by_sync(
    lost: str, server: MlflowServer, besom: Command
) -> None:
    assert lost.startswith(PREFIX)
    with server.up():
        ended = besom("sync", "--tracking-uri", server.address)
        client = MlflowClient(server.address)
        (run,) = found(client, "late")
        steps = [point.step for point in client.get_metric_history(run.info.run_id, "loss")]
        again = besom("sync", "--tracking-uri", server.address)
        assert len(found(client, "late")) == 1
    # The sweep's own run has not ended: it is its next start that goes on with it.
    assert ended.code == 0, ended.err
    assert ended.out.startswith("1 runs delivered\n1 wait for their sweep")
    assert again.out.startswith("nothing was waiting\n1 wait")
    assert run.info.status == "FINISHED" and run.data.tags["besom.state"] == "complete"
    assert steps == [1, 2, 3, 4, 5] and run.data.params == {"units": "8"}


def test_sync_says_where_there_is_nothing(besom: Command, root: Path) -> None:
    with connect(root, None, "besom"):
        pass
    assert besom("sync").out == "nothing was waiting\n"
    ended = besom("sync", "--root", "elsewhere")
    assert ended.code == 2 and "elsewhere holds no record" in ended.err


def breaking(record: Record, monkeypatch: pytest.MonkeyPatch, after: bool) -> list[str]:
    """Have the next creation of a run fail as a lost connection does; the ids made nevertheless."""
    create, made = record._client.create_run, []

    def fail(*arguments: Any, **named: Any) -> None:
        monkeypatch.setattr(record._client, "create_run", create)
        if after:
            made.append(create(*arguments, **named).info.run_id)
        raise ConnectionError("lost")

    monkeypatch.setattr(record._client, "create_run", fail)
    return made


@pytest.mark.parametrize("after", [False, True])
def test_a_run_whose_creation_was_not_answered_is_there_once(
    record: Record, client: MlflowClient, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    parent = record.start_run("sweep", {})
    made = breaking(record, monkeypatch, after)
    late = record.start_run("late", {"besom.study": "s"}, parent)
    record.metrics(late, 1, {"loss": 0.5})
    record.kill(late, {})
    record.flush()
    (run,) = found(client, "late")
    assert run.info.run_id == record.mlflow_id(late) and run.info.run_id in (
        made or [run.info.run_id]
    )
    assert run.data.tags[KEY] == late and run.data.metrics == {"loss": 0.5}


def test_of_several_of_one_request_the_one_that_was_told_is_the_run(
    record: Record, client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = record.start_run("sweep", {})
    breaking(record, monkeypatch, after=False)
    late = record.start_run("late", {"besom.study": "s"}, parent, {"units": 8})
    record.flush()
    tags = {"besom.study": "s", "mlflow.parentRunId": parent, KEY: late}
    for _ in range(2):  # a server that was held up carries out what nobody waits for any more
        client.create_run(record.experiment_id, tags=tags, run_name="late")
    assert len(found(client, "late")) == 3
    of_another_process = Latecomers(client, record.experiment_id)
    assert of_another_process.run_id(late) == record.mlflow_id(late)


def test_what_else_came_of_a_request_is_closed_with_the_run(
    record: Record, client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = record.start_run("sweep", {})
    breaking(record, monkeypatch, after=False)
    late = record.start_run("late", {}, parent, {"units": 8})
    record.flush()
    tags = {"mlflow.parentRunId": parent, KEY: late}
    client.create_run(record.experiment_id, tags=tags, run_name="late")  # its answer never came
    record.finish(late, "FINISHED", {"besom.state": "complete"}, {})
    record.confirm(late)
    record.flush()
    statuses = {run.info.run_id: run.info.status for run in found(client, "late")}
    assert statuses.pop(record.mlflow_id(late)) == "FINISHED"
    assert list(statuses.values()) == ["KILLED"]


def test_a_late_run_may_be_the_original_of_another(
    record: Record, client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = record.start_run("sweep", {})
    breaking(record, monkeypatch, after=False)
    late = record.start_run("late", {}, parent)
    record.metrics(late, 1, {"loss": 0.5})
    twin = record.start_run("twin", {}, parent)
    record.reuse(twin, late)
    for run_id in (late, twin):
        record.finish(run_id, "FINISHED", {}, {})
        record.confirm(run_id)
    record.flush()
    (run,) = found(client, "twin")
    assert run.data.metrics == {"loss": 0.5} and run.info.status == "FINISHED"


def test_the_first_run_of_a_sweep_does_not_wait(
    record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    breaking(record, monkeypatch, after=False)
    with pytest.raises(StoreError, match="does not answer"):
        record.start_run("sweep", {})
