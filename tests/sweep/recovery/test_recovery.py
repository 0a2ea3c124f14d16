"""What is left where a run's log is lost, besides all else."""

from pathlib import Path

import pytest
from mlflow import MlflowClient

from besom.common.states import State
from besom.sweep.confirmation.store import Confirmation, remember
from besom.sweep.recovery.orphaned_runs import close_orphaned_runs
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
        close_orphaned_runs(study, again, parent)
    statuses = {name: client.get_run(name).info.status for name in (run_id, double)}
    assert statuses == {run_id: "FINISHED", double: "KILLED"}


@pytest.mark.parametrize(
    ("state", "status"), [("complete", "FINISHED"), ("failed", "FAILED"), ("open", "KILLED")]
)
def test_a_confirmation_is_closed_as_the_study_knows_it(
    state: str, status: str, bench: Bench
) -> None:
    study, record = bench.study(), bench.record
    parent = record.start_run("bench", {schema.ROLE: "sweep"})
    run_id = record.start_run("000 seed=1", {schema.STUDY: "bench"}, parent)
    remember(study, Confirmation(0, 1, 1, run_id, state, setting="a"))
    record.close()
    _lose(bench.root / "spool")
    with connect(bench.root, None, "test") as again:
        close_orphaned_runs(study, again, parent)
    assert MlflowClient(record.uri).get_run(run_id).info.status == status


def _lose(logs: Path) -> None:
    for path in logs.glob("*.jsonl"):
        path.unlink()
