"""Real MLflow on a real SQLite file, copied per test: its migrations take a second."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient

from besom.tracking import Record, connect

EXPERIMENT = "tests"


@pytest.fixture(scope="session")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with MLflow's tables, and an experiment that no test uses."""
    root = tmp_path_factory.mktemp("schema")
    connect(root, None, "unused").close()
    return root / "mlflow.db"


@pytest.fixture
def root(schema: Path, tmp_path: Path) -> Path:
    """A root of this test's own."""
    folder = tmp_path / "mlruns"
    folder.mkdir()
    shutil.copy(schema, folder / "mlflow.db")
    return folder


@pytest.fixture
def record(root: Path) -> Iterator[Record]:
    with connect(root, None, EXPERIMENT) as opened:
        yield opened


@pytest.fixture
def client(root: Path) -> MlflowClient:
    """MLflow's own view of the record."""
    return MlflowClient(f"sqlite:///{root / 'mlflow.db'}")
