"""What is left where a run's log is lost, besides all else."""

from pathlib import Path

import pytest
from mlflow import MlflowClient

from besom.common.states import State
from besom.search.storage.database import open_confirmations
from besom.sweep.recovery.recovery import close_orphaned_runs
from besom.tracking import schema
from besom.tracking.record import connect
from tests.sweep.conftest import Bench


def test_a_late_run_is_known_by_its_key_and_its_doubles_are_not(bench: Bench) -> None:
    study, record = bench.study(), bench.record
    parent = record.start_run("bench", {schema.ROLE: "sweep"})
    record._deferred_runs.is_away = True
    late = record.start_run("trial 0", {schema.STUDY: "bench"}, parent, {"x": 0.5})
    record.flush()
    run_id = record.mlflow_id(late)
    assert late != run_id
    number = study.ask(bench.plan().space.distributions).number
    study.note(number, run_id=late)
    study.tell(number, State.COMPLETE, [0.25])
    client = MlflowClient(record.uri)
    tags = {schema.PARENT: parent, schema.KEY: late}
    double = client.create_run(record.experiment_id, tags=tags).info.run_id
    record.close()
    _lose(bench.root / "spool")
    with connect(bench.root, None, "test") as again:
        close_orphaned_runs([study], again, parent)
    statuses = {name: client.get_run(name).info.status for name in (run_id, double)}
    assert statuses == {run_id: "FINISHED", double: "KILLED"}


@pytest.mark.parametrize(
    ("state", "status"),
    [(State.COMPLETE, "FINISHED"), (State.FAILED, "FAILED"), (None, "KILLED")],
)
def test_a_confirmation_is_closed_as_its_study_knows_it(
    state: State | None, status: str, bench: Bench
) -> None:
    study, record = open_confirmations(bench.study(), "minimize"), bench.record
    parent = record.start_run("bench", {schema.ROLE: "sweep"})
    run_id = record.start_run("000 seed=1", {schema.STUDY: "bench"}, parent)
    notes = {"role": schema.Role.CONFIRMATION, "confirms": 0, "seed": 1, "run_id": run_id}
    row = study.add(notes | {"setting": "a"})
    if state is not None:
        values = {"values": {"loss": 0.5, "score": 2.0}} if state is State.COMPLETE else {}
        study.tell(row.number, state, [0.5], values)
    record.close()
    _lose(bench.root / "spool")
    with connect(bench.root, None, "test") as again:
        close_orphaned_runs([bench.study(), study], again, parent)
    run = MlflowClient(record.uri).get_run(run_id)
    assert run.info.status == status
    assert run.data.metrics == ({"loss": 0.5, "score": 2.0} if state is State.COMPLETE else {})


def _lose(logs: Path) -> None:
    for path in logs.glob("*.jsonl"):
        path.unlink()
