import signal
import sqlite3
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
import sqlalchemy

from besom.search.storage.transaction import SqliteTransaction

KILLED_INSIDE = """
import os, signal, sys
import sqlalchemy
from besom.search.storage.transaction import SqliteTransaction

transaction = SqliteTransaction()
engine = sqlalchemy.create_engine(f"sqlite:///{sys.argv[1]}", **transaction.engine_kwargs)
with transaction():
    for number in (1, 2):
        with engine.begin() as connection:
            connection.execute(sqlalchemy.text(f"INSERT INTO t VALUES ({number})"))
    os.kill(os.getpid(), signal.SIGKILL)
"""


class Table:
    """A table of numbers, each written in a transaction of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.transaction = SqliteTransaction()
        self._engine = sqlalchemy.create_engine(
            f"sqlite:///{path}", **self.transaction.engine_kwargs
        )
        with self._engine.begin() as connection:
            connection.execute(sqlalchemy.text("CREATE TABLE t (number INTEGER UNIQUE)"))

    def add(self, number: int) -> None:
        with self._engine.begin() as connection:
            connection.execute(sqlalchemy.text(f"INSERT INTO t VALUES ({number})"))

    def seen_by_others(self) -> list[int]:
        with sqlite3.connect(self.path) as other:
            return [number for (number,) in other.execute("SELECT number FROM t ORDER BY number")]


@pytest.fixture
def table(tmp_path: Path) -> Table:
    return Table(tmp_path / "t.db")


def test_alone_every_write_counts_at_once(table: Table) -> None:
    table.add(1)
    assert table.seen_by_others() == [1]


def test_commits_count_at_the_end_of_the_outer_block(table: Table) -> None:
    with table.transaction():
        table.add(1)
        with table.transaction():
            table.add(2)
        assert table.seen_by_others() == []
    assert table.seen_by_others() == [1, 2]


def test_nothing_of_it_is_kept_when_the_block_fails(table: Table) -> None:
    with pytest.raises(KeyboardInterrupt), table.transaction():
        table.add(1)
        raise KeyboardInterrupt
    table.add(2)
    assert table.seen_by_others() == [2]


def test_a_write_that_fails_does_not_silently_take_the_others_along(table: Table) -> None:
    def write_twice() -> None:
        table.add(1)
        # Optuna does this where another process may have been faster.
        with suppress(sqlalchemy.exc.IntegrityError):
            table.add(1)

    with pytest.raises(RuntimeError, match="write of a transaction"), table.transaction():
        write_twice()
    assert table.seen_by_others() == []


def test_nothing_of_it_is_kept_when_the_process_is_killed(table: Table) -> None:
    command = [sys.executable, "-c", KILLED_INSIDE, str(table.path)]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert table.seen_by_others() == []
