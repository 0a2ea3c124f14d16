"""Several writes to a SQLite database as one transaction, although each is committed.

Optuna's storage commits every value on its own, and every commit waits for the disk.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy.pool import StaticPool

BUSY_SECONDS = 30
"""How long a write waits for what another program, a backup say, has locked."""


class Torn(RuntimeError):
    """A write among several that belong together has failed; none of them is kept."""


class Together:
    """Connections whose commits wait, inside ``with together():``, for its end.

    For one thread. Whatever is killed inside: all of it is in the database, or nothing.
    """

    def __init__(self) -> None:
        self._connections: list[_Connection] = []
        self.held = False

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
        if self.held:
            yield
            return
        self.held = True
        try:
            yield
        except BaseException:
            self._release(sqlite3.Connection.rollback)
            raise
        self._release(sqlite3.Connection.commit)

    def _release(self, end: Callable[[sqlite3.Connection], None]) -> None:
        self.held = False
        for connection in self._connections:
            end(connection)

    def _connect(self, *args: Any, **kwargs: Any) -> "_Connection":
        connection = _Connection(*args, **kwargs)
        connection.together = self
        self._connections.append(connection)
        return connection


class _Connection(sqlite3.Connection):
    together: Together

    def commit(self) -> None:
        if not self.together.held:
            super().commit()

    def rollback(self) -> None:
        # One write that is taken back would silently take the others with it.
        if self.together.held and self.in_transaction:
            raise Torn("a write among several that belong together failed")
        super().rollback()
