"""Database and MLflow servers for sweeps whose records are not in local files."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import postgres
from tests.chaos.autopsy import Stores
from tests.postgres import Postgres
from tests.servers import MlflowServer


@pytest.fixture
def database() -> Iterator[Postgres]:
    with postgres.running() as running:
        yield running


@pytest.fixture
def stores(database: Postgres, tmp_path: Path) -> Iterator[Stores]:
    """Yield two of its databases; MLflow's is behind an MLflow server."""
    mlflow = MlflowServer(tmp_path, database.make("mlflow"))
    with mlflow.up():
        yield Stores(database.make("optuna"), mlflow.address)
