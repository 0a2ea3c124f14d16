from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from besom.search.storage.database import open_database

N_PROGRAMS = 5


@pytest.mark.parametrize("round_", range(3))
def test_programs_that_make_the_tables_at_once_do_not_fail(round_: int, tmp_path: Path) -> None:
    """A notebook or a dashboard may open the database while a sweep begins."""
    at_once = Barrier(N_PROGRAMS)

    def begin(_: int) -> None:
        at_once.wait()
        open_database(f"sqlite:///{tmp_path / 'optuna.db'}")

    with ThreadPoolExecutor(N_PROGRAMS) as programs:
        assert list(programs.map(begin, range(N_PROGRAMS))) == [None] * N_PROGRAMS


def test_what_another_program_has_locked_is_waited_for(tmp_path: Path) -> None:
    database, _ = open_database(f"sqlite:///{tmp_path / 'optuna.db'}")
    with database.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() >= 8000
