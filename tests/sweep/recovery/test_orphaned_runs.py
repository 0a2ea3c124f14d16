"""A study whose MLflow runs are open, gone, or older than the study."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from mlflow import MlflowClient

from besom.common.errors import StudyError
from besom.common.states import State
from besom.results.compare import compare
from besom.results.studies import read_study
from besom.sweep.recovery.missing_runs import sentence
from besom.sweep.recovery.recovery import MISSING, close_orphaned_runs
from besom.tracking import schema
from besom.tracking.address import own_address
from besom.tracking.reader import open_reader
from besom.tracking.record import Record, connect
from besom.tracking.runs import restoring
from tests.sweep.conftest import Bench

REPORTS = {1: 0.9, 2: 0.5, 3: 0.3}


def _begun(bench: Bench, number: int, parent: str) -> str:
    """A run of which only the first of three reports has reached MLflow."""
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


def test_an_older_copy_of_the_record_is_told(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    database, older = bench.root / "mlflow.db", bench.root / "older.db"
    study, _ = bench.sweep(n_trials=1)
    parent = study.recall("run_id")
    _copy(database, older)
    study, _ = bench.sweep(n_trials=3)
    _copy(older, database)
    reader = open_reader(bench.root, None)
    client = MlflowClient(own_address(bench.root))
    for run_id in reader.run_ids():
        client.set_tag(run_id, schema.STUDY, "bench")
    known = reader.names("bench")
    assert known == {name for run in reader.study("bench") for name in run.names}
    restore = partial(restoring, own_address(bench.root))
    told = sentence("bench", study.runs_of_ended(), known, restore)
    assert "no run of 2 ended trials of bench (1, 2)" in told
    assert read_study(reader, "bench").missing_runs == told
    assert compare(bench.root, None, ["bench"], None).missing_runs
    with monkeypatch.context() as read_only:  # the trials are in the database's log alone
        read_only.setattr(os, "access", lambda path, mode: not mode & os.W_OK)
        assert read_study(reader, "bench").missing_runs == told
    client.delete_run(parent)
    with pytest.raises(StudyError, match=f"optuna.db has 3 ended trials (.|\n)*{parent}"):
        read_study(reader, "bench")


def test_the_command_that_is_named_restores_a_deleted_run(bench: Bench) -> None:
    study, _ = bench.sweep(n_trials=2)
    reader, client = open_reader(bench.root, None), MlflowClient(own_address(bench.root))
    deleted = study.runs_of_ended()[1]
    for run_id in reader.run_ids():
        client.set_tag(run_id, schema.STUDY, "bench")
    client.delete_run(deleted)
    told = read_study(reader, "bench").missing_runs
    assert "no run of 1 ended trials of bench (1)" in told
    command = told.split("`")[1].replace(" mlflow ", f" {sys.executable} -m mlflow ")
    subprocess.run(command, shell=True, check=True, capture_output=True)
    assert read_study(reader, "bench").missing_runs == ""


def _copy(source: Path, target: Path) -> None:
    """As it is now, also while others have it open."""
    with closing(sqlite3.connect(source)) as there, closing(sqlite3.connect(target)) as here:
        there.backup(here)
