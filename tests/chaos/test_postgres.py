"""A short form of ``make chaos`` with both records in PostgreSQL."""

from functools import partial
from pathlib import Path

import pytest

from besom.tracking.reader import open_reader
from tests.chaos.autopsy import Stores
from tests.chaos.harness import STUDY, Sizes, hurt
from tests.postgres import Postgres

pytestmark = pytest.mark.slow  # takes a minute, mostly for the start of a server


def test_a_sweep_survives_kills_and_restarts_of_the_database(
    database: Postgres, stores: Stores, tmp_path: Path
) -> None:
    sizes = Sizes(
        workers=2, trials=12, seconds=0.1, worker_kills=2, supervisor_kills=1, stops=1, restarts=1
    )
    done, found = hurt(tmp_path, 1, sizes, stores, partial(database.restart, "immediate"))
    assert found.faults == []
    assert done.worker_kills and done.supervisor_kills == 1 and done.restarts == 1
    said = (tmp_path / "output.log").read_text()
    assert "Traceback" not in said and Postgres.PASSWORD not in said
    readers = [open_reader(tmp_path, uri) for uri in (stores.tracking, database.address("mlflow"))]
    served, direct = (reader.study(STUDY) for reader in readers)
    assert served == direct and len(served) > sizes.trials
