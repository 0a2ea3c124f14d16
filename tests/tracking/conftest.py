"""Fixtures of a record: MLflow itself on a SQLite file."""

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
    """Return MLflow's own client for the database of the record."""
    return MlflowClient(f"sqlite:///{root / 'mlflow.db'}")
