"""Several writes to a SQLite database as one transaction, although each is committed.

Optuna's storage commits every value on its own, and every commit waits for the disk.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from sqlalchemy.pool import StaticPool

BUSY_SECONDS = 30
"""How long a write waits for what another program, a backup say, has locked."""

Transaction = Callable[[], AbstractContextManager[None]]
"""``with transaction():`` what is written inside is kept whole or not at all, where it can be."""


class TransactionFailed(RuntimeError):
    """A write of a transaction has failed; none of its writes is kept."""


class SqliteTransaction:
    """Connections whose commits wait, inside ``with transaction():``, for its end.

    For one thread. A process that is killed inside leaves all of it in the database, or nothing.
    """

    def __init__(self) -> None:
        self._connections: list[_Connection] = []
        self.is_open = False

    @property
    def engine_kwargs(self) -> dict[str, Any]:
        """What SQLAlchemy's ``create_engine`` must be given for it to work."""
        return {
            "connect_args": {"factory": self._connect, "timeout": BUSY_SECONDS},
            "poolclass": StaticPool,  # one connection: another would not see what still waits
            "pool_reset_on_return": None,  # a connection given back would be rolled back
        }

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Hold back every commit inside; those of an inner block go with the outer one's."""
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
        # One write that is taken back would silently take the others with it.
        if self.transaction.is_open and self.in_transaction:
            raise TransactionFailed("a write of a transaction failed")
        super().rollback()
