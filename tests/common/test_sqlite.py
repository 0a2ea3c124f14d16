import os
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
    assert not list(tmp_path.glob("a.db-*"))  # the log is removed when the database is closed


def test_a_database_in_use_is_let_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as other:
        other.execute("CREATE TABLE t (x)")
        other.execute("BEGIN IMMEDIATE")
        monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.1)
        sqlite.write_ahead(tmp_path / "a.db")
        other.execute("COMMIT")
    assert mode_of(tmp_path / "a.db") == "delete"


def test_a_read_only_database_is_copied_again_once_it_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is copied again even if only the write-ahead log has changed."""
    path = tmp_path / "a.db"
    sqlite.write_ahead(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("CREATE TABLE t (x)")
        with monkeypatch.context() as read_only:
            read_only.setattr(os, "access", lambda path, mode: not mode & os.W_OK)
            first = sqlite.readable_file(path)
            assert sqlite.readable_file(path) == first != path
            writer.execute("INSERT INTO t VALUES (1)")
            second = sqlite.readable_file(path)
    with closing(sqlite3.connect(second)) as copied:
        assert copied.execute("SELECT x FROM t").fetchall() == [(1,)]
