import sqlite3
from contextlib import closing
from pathlib import Path

import optuna
import pytest
from optuna.storages import RDBStorage

from besom.search.storage import database
from besom.search.storage.database import existing_study, has_finished_trial, open_database


def test_what_another_program_has_locked_is_waited_for(tmp_path: Path) -> None:
    opened, _ = open_database(f"sqlite:///{tmp_path / 'optuna.db'}")
    with opened.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() >= 8000


def test_a_look_makes_no_tables_in_the_database_of_another_program(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "notes.db")) as notes, notes:
        notes.execute("CREATE TABLE studies (note TEXT)")
    before = (tmp_path / "notes.db").read_bytes()
    storage = f"sqlite:///{tmp_path / 'notes.db'}"
    assert existing_study("bench", storage) is None
    assert not has_finished_trial("bench", storage)
    assert (tmp_path / "notes.db").read_bytes() == before


def test_a_look_for_a_study_that_is_not_there_keeps_no_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = f"sqlite:///{tmp_path / 'optuna.db'}"
    optuna.create_study(study_name="other", storage=storage)
    made: list[RDBStorage] = []

    def make(*given: str, **options: bool) -> RDBStorage:
        made.append(RDBStorage(*given, **options))
        return made[-1]

    monkeypatch.setattr(database, "RDBStorage", make)
    assert existing_study("bench", storage) is None
    assert [one.engine.pool.checkedin() for one in made] == [0]  # type: ignore[attr-defined]


def test_a_damaged_database_is_one_without_the_study(tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path / 'optuna.db'}"
    optuna.create_study(study_name="bench", storage=storage).add_trial(
        optuna.trial.create_trial(value=1.0)
    )
    with closing(sqlite3.connect(tmp_path / "optuna.db")) as damaged, damaged:
        damaged.execute("DROP TABLE trial_values")
    assert existing_study("bench", storage) is None
    assert has_finished_trial("bench", storage)  # opening it shows the error
