"""Real MLflow on a real SQLite file."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient

from besom.tracking import Record, connect

EXPERIMENT = "tests"


@pytest.fixture
def record(root: Path) -> Iterator[Record]:
    with connect(root, None, EXPERIMENT) as opened:
        yield opened


@pytest.fixture
def client(root: Path) -> MlflowClient:
    """MLflow's own view of the record."""
    return MlflowClient(f"sqlite:///{root / 'mlflow.db'}")
