"""Runs that begin while MLflow is away; with a real server: ``tests/sweep/test_outage.py``."""

from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from besom.common.errors import StoreError
from besom.tracking import Record, connect, schema
from besom.tracking.outbox.deferred_runs import PREFIX, DeferredRuns
from tests import warm
from tests.conftest import Command


def found(client: MlflowClient, name: str) -> list[Run]:
    experiments = [one.experiment_id for one in client.search_experiments()]
    return list(client.search_runs(experiments, f"attributes.run_name = '{name}'"))


LOST = """
import os
from pathlib import Path
from besom.tracking import connect, schema

record = connect(Path("mlruns"), None, "sweeps")
parent = record.start_run("sweep", {schema.ROLE: "sweep"})
record.flush()

def lose(*_, **__):
    raise ConnectionError("lost")

record._client.create_run = lose
late = record.start_run("late", {schema.STUDY: "s"}, parent, {"units": 8})
for step in range(1, 6):
    record.metrics(late, step, {"loss": 1 / step})
record.text(late, schema.CONFIG_FILE, "a: 1\\n")
record.finish(late, "FINISHED", {schema.STATE: "complete"}, {})
record.confirm(late)
print(late, flush=True)
os._exit(9)
"""


def test_a_run_that_began_meanwhile_is_delivered_by_sync(
    root: Path, client: MlflowClient, besom: Command
) -> None:
    """Also where the process is gone in which it began and ended."""
    (root.parent / "lost.py").write_text(LOST)
    lost = warm.run(["lost.py"], root.parent)
    assert lost.returncode == 9, lost.stderr
    assert lost.stdout.startswith(PREFIX) and found(client, "late") == []
    ended = besom("sync")
    again = besom("sync")
    (run,) = found(client, "late")
    steps = [point.step for point in client.get_metric_history(run.info.run_id, "loss")]
    # The sweep's own run has not ended: it is its next start that goes on with it.
    assert ended.code == 0, ended.err
    assert ended.out.startswith("1 runs delivered\n1 wait for their sweep")
    assert again.out.startswith("nothing was waiting\n1 wait")
    assert run.info.status == "FINISHED" and run.data.tags[schema.STATE] == "complete"
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
    late = record.start_run("late", {schema.STUDY: "s"}, parent)
    record.metrics(late, 1, {"loss": 0.5})
    record.kill(late, {})
    record.flush()
    (run,) = found(client, "late")
    assert run.info.run_id == record.mlflow_id(late) and run.info.run_id in (
        made or [run.info.run_id]
    )
    assert run.data.tags[schema.KEY] == late and run.data.metrics == {"loss": 0.5}


def test_of_several_of_one_request_the_one_that_was_told_is_the_run(
    record: Record, client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = record.start_run("sweep", {})
    breaking(record, monkeypatch, after=False)
    late = record.start_run("late", {schema.STUDY: "s"}, parent, {"units": 8})
    record.flush()
    tags = {schema.STUDY: "s", schema.PARENT: parent, schema.KEY: late}
    for _ in range(2):  # a server that was held up carries out what nobody waits for any more
        client.create_run(record.experiment_id, tags=tags, run_name="late")
    assert len(found(client, "late")) == 3
    of_another_process = DeferredRuns(client, record.experiment_id)
    assert of_another_process.run_id(late) == record.mlflow_id(late)


def test_what_else_came_of_a_request_is_closed_with_the_run(
    record: Record, client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = record.start_run("sweep", {})
    breaking(record, monkeypatch, after=False)
    late = record.start_run("late", {}, parent, {"units": 8})
    record.flush()
    tags = {schema.PARENT: parent, schema.KEY: late}
    client.create_run(record.experiment_id, tags=tags, run_name="late")  # its answer never came
    record.finish(late, "FINISHED", {schema.STATE: "complete"}, {})
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
    record.reuse(twin, late, {}, {})
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
