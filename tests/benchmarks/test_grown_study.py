from pathlib import Path

import pytest
from mlflow import MlflowClient

from benchmarks.fake_sweep import EPOCHS, sweep
from benchmarks.grown_study import grow
from besom.search.algorithms.options import NoPruner, RandomSampler
from besom.search.options import SweepOptions
from besom.search.storage.database import open_study

pytestmark = pytest.mark.slow  # only the benchmarks depend on it


def options(n_trials: int) -> SweepOptions:
    return SweepOptions(
        study_name="scale",
        n_trials=n_trials,
        n_jobs=3,
        sampler=RandomSampler(seed=1),
        pruner=NoPruner(),
        direction="maximize",
        objective="val_accuracy",
    )


def test_a_grown_study_is_one_that_a_sweep_can_go_on_with(tmp_path: Path) -> None:
    sweep(tmp_path, options(4))
    grow(tmp_path, 10)
    sweep(tmp_path, options(12))
    study = open_study("scale", f"sqlite:///{tmp_path / 'optuna.db'}", ["maximize"])
    rows = study.rows()
    assert [row.number for row in rows] == list(range(12))
    assert {row.state for row in rows} == {"complete"}
    assert len({tuple(row.params.items()) for row in rows}) == 12
    assert all(len(study.reports(row.number)) == EPOCHS for row in rows)
    client = MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    for row in rows:
        run = client.get_run(row.notes["run_id"])
        assert run.info.status == "FINISHED" and len(run.data.metrics) == 4
        assert len(client.get_metric_history(run.info.run_id, "loss")) == EPOCHS
