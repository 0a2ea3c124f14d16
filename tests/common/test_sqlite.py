import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from besom.common import sqlite


def mode_of(path: Path) -> str:
    with closing(sqlite3.connect(path)) as database:
        return str(database.execute("PRAGMA journal_mode").fetchone()[0])


def test_a_database_gets_a_write_ahead_log_for_good(tmp_path: Path) -> None:
    sqlite.write_ahead(tmp_path / "a.db")
    assert mode_of(tmp_path / "a.db") == "wal"
    assert not list(tmp_path.glob("a.db-*"))  # nothing is left beside it once it is closed


def test_a_database_in_use_is_let_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as other:
        other.execute("CREATE TABLE t (x)")
        other.execute("BEGIN IMMEDIATE")
        monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.1)
        sqlite.write_ahead(tmp_path / "a.db")
        other.execute("COMMIT")
    assert mode_of(tmp_path / "a.db") == "delete"
