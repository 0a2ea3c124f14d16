"""Makes several writes to an SQLite database one transaction, although Optuna commits each.

Optuna's storage commits every value on its own, and every commit waits for the disk.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from sqlalchemy.pool import StaticPool

BUSY_SECONDS = 30
"""How long a write waits while another program, such as a backup, has locked the database."""

Transaction = Callable[[], AbstractContextManager[None]]
"""Writes inside ``with transaction():`` are kept as a whole or not at all, if the database can."""


class TransactionFailed(RuntimeError):
    """A write of a transaction has failed; none of its writes is kept."""


class SqliteTransaction:
    """Connections that delay commits inside ``with transaction():`` until its end.

    It is for one thread. If the process is killed inside, the database has all writes or none.
    """

    def __init__(self) -> None:
        self._connections: list[_Connection] = []
        self.is_open = False

    @property
    def engine_kwargs(self) -> dict[str, Any]:
        """The arguments that SQLAlchemy's ``create_engine`` needs for this transaction."""
        return {
            "connect_args": {"factory": self._connect, "timeout": BUSY_SECONDS},
            "poolclass": StaticPool,  # one connection: another would not see uncommitted writes
            "pool_reset_on_return": None,  # a returned connection would be rolled back
        }

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Delay every commit inside; an inner block is committed with the outer one."""
        if self.is_open:
            yield
            return
        self.is_open = True
        try:
            yield
        except BaseException:
            self._end(sqlite3.Connection.rollback)
            raise
        self._end(sqlite3.Connection.commit)

    def _end(self, end: Callable[[sqlite3.Connection], None]) -> None:
        self.is_open = False
        for connection in self._connections:
            end(connection)

    def _connect(self, *args: Any, **kwargs: Any) -> "_Connection":
        connection = _Connection(*args, **kwargs)
        connection.transaction = self
        self._connections.append(connection)
        return connection


class _Connection(sqlite3.Connection):
    transaction: SqliteTransaction

    def commit(self) -> None:
        if not self.transaction.is_open:
            super().commit()

    def rollback(self) -> None:
        # Rolling back one write would silently roll back the others too.
        if self.transaction.is_open and self.in_transaction:
            raise TransactionFailed("a write of a transaction failed")
        super().rollback()
