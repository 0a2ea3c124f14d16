"""Restoring MLflow's global state after a task has used MLflow's fluent API."""

import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import pytest

from besom.tracking.client import (
    FluentState,
    fluent_state,
    import_mlflow,
    restore_fluent_state,
)


@pytest.fixture(autouse=True)
def untouched(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Restore MLflow's state and the variables in which it passes its addresses to children."""
    for name in (
        "MLFLOW_TRACKING_URI",
        "MLFLOW_REGISTRY_URI",
        "MLFLOW_EXPERIMENT_ID",
        "MLFLOW_RUN_ID",
    ):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    before = fluent_state()
    yield
    restore_fluent_state(before)


def test_its_warnings_of_its_own_types_are_silent_and_no_others() -> None:
    from mlflow.types.type_hints import _infer_schema_from_type_hint

    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        import_mlflow()
        _infer_schema_from_type_hint(dict[str, Any])
        warnings.warn("Any type hint is inferred as AnyType of another module", stacklevel=1)
    assert [str(one.message)[-14:] for one in shown] == ["another module"]


def test_a_run_that_is_left_open_is_ended_and_the_address_is_the_old_one(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, tasks = (f"sqlite:///{root / name}" for name in ("mlflow.db", "tasks.db"))
    shutil.copy(root / "mlflow.db", root / "tasks.db")
    mlflow.set_tracking_uri(own)
    before = fluent_state()

    mlflow.set_tracking_uri(tasks)
    mlflow.set_registry_uri(tasks)
    mlflow.set_experiment("of the task")
    mlflow.log_param("x", 1)  # opens a run
    with mlflow.start_run(nested=True):
        left_open = mlflow.start_run(nested=True)
        restore_fluent_state(before)
    assert mlflow.active_run() is None
    monkeypatch.delenv("MLFLOW_REGISTRY_URI")  # a worker restores its environment by itself
    monkeypatch.delenv("MLFLOW_EXPERIMENT_ID", raising=False)
    assert mlflow.get_tracking_uri() == mlflow.get_registry_uri() == own
    client = mlflow.MlflowClient(tasks)
    assert client.get_run(left_open.info.run_id).info.status == "FINISHED"
    with mlflow.start_run() as run:
        assert run.info.experiment_id == "0"

    mlflow.set_tracking_uri(tasks)
    mlflow.start_run()
    mlflow.set_tracking_uri("http://127.0.0.1:9")  # the open run is not there
    restore_fluent_state(FluentState())
    assert mlflow.active_run() is None and fluent_state() == FluentState()
