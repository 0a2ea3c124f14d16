"""Studies whose MLflow runs were deleted, or whose MLflow database is an older copy."""

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
from besom.results.compare import compare
from besom.results.studies import read_study
from besom.search.options import ConfirmOptions
from besom.sweep.confirmation.jobs import runs_of_ended
from besom.sweep.recovery.missing_runs import sentence
from besom.sweep.recovery.missing_said import runs_of_trials
from besom.tracking import schema
from besom.tracking.address import own_address
from besom.tracking.reader import open_reader
from besom.tracking.runs import restoring
from tests.sweep.conftest import Bench, completes


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
    told = sentence("bench", runs_of_trials(study), known, restore)
    assert "no run of 2 ended trials of bench (1, 2)" in told
    assert read_study(reader, "bench").missing_runs == told
    assert compare(bench.root, None, ["bench"], None).missing_runs
    with monkeypatch.context() as read_only:  # new trials are only in SQLite's -wal file
        read_only.setattr(os, "access", lambda path, mode: not mode & os.W_OK)
        assert read_study(reader, "bench").missing_runs == told
    client.delete_run(parent)
    with pytest.raises(StudyError, match=f"optuna.db has 3 ended trials (.|\n)*{parent}"):
        read_study(reader, "bench")


def test_the_command_that_is_named_restores_a_deleted_run(bench: Bench) -> None:
    study, _ = bench.sweep(n_trials=2)
    reader, client = open_reader(bench.root, None), MlflowClient(own_address(bench.root))
    deleted = runs_of_trials(study)[1]
    for run_id in reader.run_ids():
        client.set_tag(run_id, schema.STUDY, "bench")
    client.delete_run(deleted)
    told = read_study(reader, "bench").missing_runs
    assert "no run of 1 ended trials of bench (1)" in told
    command = told.split("`")[1].replace(" mlflow ", f" {sys.executable} -m mlflow ")
    subprocess.run(command, shell=True, check=True, capture_output=True)
    assert read_study(reader, "bench").missing_runs == ""


def test_a_deleted_confirmation_is_named_by_its_trial_and_seed(bench: Bench) -> None:
    options = {"n_trials": 2, "confirm": ConfirmOptions(top_k=1, seeds=2)}
    driver, study, _ = bench.driver(completes, **options)
    driver.run()
    confirmations = driver.sweep.confirmations
    assert runs_of_ended(confirmations) == {}
    driver.confirm()
    runs = runs_of_ended(confirmations)
    assert len(runs) == 4
    gone = next(iter(runs))
    known = {*runs_of_trials(study).values(), *runs.values()} - {runs[gone]}
    restore = partial(restoring, own_address(bench.root))
    assert sentence("bench", runs_of_trials(study), known, restore) == ""
    told = sentence("bench", runs, known, restore, "confirmations")
    assert f"no run of 1 ended confirmations of bench ({gone})" in told
    assert f"--run-id {runs[gone]}" in told


def _copy(source: Path, target: Path) -> None:
    """Copy a SQLite database, even while it is open elsewhere."""
    with closing(sqlite3.connect(source)) as there, closing(sqlite3.connect(target)) as here:
        there.backup(here)
