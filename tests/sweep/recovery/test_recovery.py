"""Orphaned runs are closed on resume: their spool log is lost, or they are duplicates."""

import pytest
from mlflow import MlflowClient

from besom.common.states import State
from besom.search.storage.database import open_confirmations
from besom.sweep.recovery.recovery import MISSING, close_orphaned_runs
from besom.tracking import schema
from besom.tracking.record import Record, connect
from tests.sweep.conftest import Bench

REPORTS = {1: 0.9, 2: 0.5, 3: 0.3}


def _begun(bench: Bench, number: int, parent: str) -> str:
    """Start a run, record only the first of its three reports, and return the run's id."""
    run_id = bench.record.start_run(f"trial {number}", {schema.TRIAL: str(number)}, parent)
    bench.record.metrics(run_id, 1, {"loss": 0.9, "accuracy": 0.1})
    return run_id


def _reopened(bench: Bench, closed: Record) -> Record:
    closed.close()
    for log in (bench.root / "spool").glob("*.jsonl"):
        log.unlink()
    return connect(bench.root, None, "test")


def test_a_run_whose_log_is_lost_has_the_studys_numbers_and_says_what_it_lacks(
    bench: Bench,
) -> None:
    study = bench.study()
    study.remember("fingerprint", {"objective": "loss"})
    parent = bench.record.start_run("bench", {schema.ROLE: "sweep"})
    ended = {State.COMPLETE: [0.25], State.PRUNED: [], State.FAILED: []}
    runs = {}
    for state, values in ended.items():
        number = study.ask(bench.plan().space.distributions).number
        runs[state] = _begun(bench, number, parent)
        study.note(number, run_id=runs[state], seconds=2.0, error=f"{state.value} at last")
        study.tell(number, state, values, reports=REPORTS)
    with _reopened(bench, bench.record) as record:
        close_orphaned_runs([study], record, parent)
    client = MlflowClient(bench.record.uri)
    for state, run_id in runs.items():
        run = client.get_run(run_id)
        last = 0.25 if state is State.COMPLETE else 0.3
        assert run.data.metrics == {"loss": last, "accuracy": 0.1}
        steps = [metric.step for metric in client.get_metric_history(run_id, "loss")]
        assert sorted(steps) == ([1, 2, 3, 3] if state is State.COMPLETE else [1, 2, 3])
        assert run.data.params.keys() == {"x"}
        assert run.data.tags[schema.MISSING] == MISSING
        assert run.data.tags[schema.ERROR] == f"{state.value} at last"
        assert run.info.end_time - run.info.start_time == 2000


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
    with _reopened(bench, record) as again:
        close_orphaned_runs([study], again, parent)
    statuses = {name: client.get_run(name).info.status for name in (run_id, double)}
    assert statuses == {run_id: "FINISHED", double: "KILLED"}


def test_a_lost_run_without_a_log_ended_at_its_last_metric(bench: Bench) -> None:
    parent = bench.record.start_run("bench", {schema.ROLE: "sweep"})
    runs = [_begun(bench, 0, parent), bench.record.start_run("trial 1", {}, parent)]
    with _reopened(bench, bench.record) as record:
        close_orphaned_runs([bench.study()], record, parent)
    client = MlflowClient(bench.record.uri)
    reported, begun = (client.get_run(run_id) for run_id in runs)
    (metric,) = client.get_metric_history(runs[0], "loss")
    assert reported.info.end_time == metric.timestamp
    assert begun.info.end_time == begun.info.start_time


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
    with _reopened(bench, record) as again:
        close_orphaned_runs([bench.study(), study], again, parent)
    run = MlflowClient(record.uri).get_run(run_id)
    assert run.info.status == status
    assert run.data.metrics == ({"loss": 0.5, "score": 2.0} if state is State.COMPLETE else {})
