from pathlib import Path

from besom.search.storage.database import open_database


def test_what_another_program_has_locked_is_waited_for(tmp_path: Path) -> None:
    database, _ = open_database(f"sqlite:///{tmp_path / 'optuna.db'}")
    with database.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() >= 8000
