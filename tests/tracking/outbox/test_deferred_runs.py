"""Runs that begin while MLflow is down, or hangs until the test sets an event.

``tests/sweep/test_outage.py`` does the same with an MLflow server.
"""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from besom.common.errors import StoreError
from besom.tracking import Record, connect, schema
from besom.tracking.outbox import deferred_runs
from besom.tracking.outbox.deferred_runs import PREFIX, CreateRequest, DeferredRuns
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
record.prepare_end(late, "FINISHED", {schema.STATE: "complete"}, {})
record.end_run(late)
print(late, flush=True)
os._exit(9)
"""


def test_a_run_that_began_meanwhile_is_delivered_by_sync(
    root: Path, client: MlflowClient, besom: Command
) -> None:
    """The process in which the run began and ended is gone by then."""
    (root.parent / "lost.py").write_text(LOST)
    lost = warm.run(["lost.py"], root.parent)
    assert lost.returncode == 9, lost.stderr
    assert lost.stdout.startswith(PREFIX) and found(client, "late") == []
    ended = besom("sync")
    again = besom("sync")
    (run,) = found(client, "late")
    steps = [point.step for point in client.get_metric_history(run.info.run_id, "loss")]
    # The sweep's own run has not ended: the next start of the sweep continues it.
    assert ended.code == 0, ended.err
    assert ended.out.startswith("1 run delivered\n1 run of an unfinished sweep")
    assert again.out.startswith("1 run of an unfinished sweep")
    assert run.info.status == "FINISHED" and run.data.tags[schema.STATE] == "complete"
    assert steps == [1, 2, 3, 4, 5] and run.data.params == {"units": "8"}


def test_sync_says_where_there_is_nothing(besom: Command, root: Path) -> None:
    with connect(root, None, "besom"):
        pass
    assert besom("sync").out == "nothing was waiting\n"
    ended = besom("sync", "--root", "elsewhere")
    assert ended.code == 2 and "elsewhere holds no record" in ended.err


def breaking(record: Record, monkeypatch: pytest.MonkeyPatch, after: bool) -> list[str]:
    """Fail the next creation of a run like a lost connection; list ids that it creates anyway."""
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
    for _ in range(2):  # a server that hung carries out requests that the client has given up
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
    client.create_run(record.experiment_id, tags=tags, run_name="late")  # as if never answered
    record.prepare_end(late, "FINISHED", {schema.STATE: "complete"}, {})
    record.end_run(late)
    record.flush()
    statuses = {run.info.run_id: run.info.status for run in found(client, "late")}
    assert statuses.pop(record.mlflow_id(late)) == "FINISHED"
    assert list(statuses.values()) == ["KILLED"]


def test_a_deferred_run_may_be_the_original_of_another(
    record: Record, client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = record.start_run("sweep", {})
    breaking(record, monkeypatch, after=False)
    late = record.start_run("late", {}, parent)
    record.metrics(late, 1, {"loss": 0.5})
    duplicate = record.start_run("duplicate", {}, parent)
    record.reuse(duplicate, late, {}, {})
    for run_id in (late, duplicate):
        record.prepare_end(run_id, "FINISHED", {}, {})
        record.end_run(run_id)
    record.flush()
    (run,) = found(client, "duplicate")
    assert run.data.metrics == {"loss": 0.5} and run.info.status == "FINISHED"


def test_the_first_run_of_a_sweep_does_not_wait(
    record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    breaking(record, monkeypatch, after=False)
    with pytest.raises(StoreError, match="does not answer"):
        record.start_run("sweep", {})


MOMENT = 0.3


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Yield an event; requests that hang continue when it is set."""
    made = threading.Event()
    yield made
    made.set()


def test_what_is_answered_in_time() -> None:
    assert CreateRequest(lambda: None, lambda: "r1").wait(10) == "r1"


def test_what_fails_in_time() -> None:
    def refuse() -> str:
        raise ConnectionError("refused")

    with pytest.raises(ConnectionError, match="refused"):
        CreateRequest(lambda: None, refuse).wait(10)


def test_a_store_that_does_not_answer_the_probe_is_not_asked_for_a_run(
    gate: threading.Event,
) -> None:
    created: list[str] = []
    request = CreateRequest(gate.wait, lambda: created.append("r1") or "r1")  # type: ignore[func-returns-value]
    with pytest.raises(TimeoutError):
        request.wait(MOMENT)
    assert request.has_ended(0)
    gate.set()
    assert request._ended.wait(10)
    assert created == [] and request.run_id is None


def test_a_request_that_was_sent_may_still_be_carried_out(gate: threading.Event) -> None:
    request = CreateRequest(lambda: None, lambda: str(gate.wait()))
    with pytest.raises(TimeoutError):
        request.wait(MOMENT)
    assert not request.has_ended(0)
    gate.set()
    assert request.has_ended(10) and request.run_id == "True"


def after(gate: threading.Event, function: Callable[..., Any]) -> Callable[..., Any]:
    def wait(*arguments: Any, **named: Any) -> Any:
        gate.wait(20)
        return function(*arguments, **named)

    return wait


@pytest.mark.parametrize("request_", ["get_experiment", "create_run"])
def test_a_deferred_run_is_there_once(
    record: Record,
    client: MlflowClient,
    monkeypatch: pytest.MonkeyPatch,
    gate: threading.Event,
    request_: str,
) -> None:
    monkeypatch.setattr(deferred_runs, "WAIT_SECONDS", MOMENT)
    monkeypatch.setattr(record._deferred_runs, "_may_hang", True)
    parent = record.start_run("sweep", {})
    record.flush()
    for name in (request_, "search_runs"):  # the sender gets no answer either
        monkeypatch.setattr(record._client, name, after(gate, getattr(record._client, name)))
    began = time.monotonic()
    late = [record.start_run("late", {}, parent) for _ in range(5)]
    assert time.monotonic() - began < 5 * MOMENT, "only the first of them waits"
    assert all(run_id.startswith(PREFIX) for run_id in late)
    for number, run_id in enumerate(late):
        record.metrics(run_id, 1, {"number": number})
        record.kill(run_id, {})
    gate.set()
    record.flush()
    runs = client.search_runs([record.experiment_id], "attributes.run_name = 'late'")
    assert sorted(run.data.metrics["number"] for run in runs) == [0, 1, 2, 3, 4]
    assert {run.info.status for run in runs} == {"KILLED"}


def test_after_an_answer_runs_are_created_at_once_again(
    record: Record, monkeypatch: pytest.MonkeyPatch, gate: threading.Event
) -> None:
    monkeypatch.setattr(deferred_runs, "WAIT_SECONDS", MOMENT)
    monkeypatch.setattr(record._deferred_runs, "_may_hang", True)
    parent = record.start_run("sweep", {})
    with monkeypatch.context() as patch:
        patch.setattr(record._client, "get_experiment", lambda _: gate.wait(20))
        late = record.start_run("late", {}, parent)
    record.flush()
    assert late.startswith(PREFIX)
    assert not record.start_run("at once", {}, parent).startswith(PREFIX)
