"""Optuna's database as a sweep uses it: SQLite writes ahead, and several things at once."""

import gc
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import sqlalchemy
from optuna.storages import RDBStorage

from besom import journal
from besom.sweeping.together import Together

Transaction = Callable[[], AbstractContextManager[None]]


def open_database(storage: str) -> tuple[RDBStorage, Transaction]:
    """Optuna's storage at an address, created where it is absent, and what groups its writes.

    Databases other than SQLite are not grouped: each write is a transaction of its own.

    Raises:
        ImportError, OSError, ValueError, RuntimeError, sqlalchemy.exc.SQLAlchemyError: the
            database cannot be used.
    """
    url = sqlalchemy.engine.make_url(storage)
    if url.get_backend_name() != "sqlite":
        return RDBStorage(storage), nullcontext
    if url.database and not url.database.startswith("file:"):
        path = Path(url.database)
        path.parent.mkdir(parents=True, exist_ok=True)
        journal.write_ahead(path)
    together = Together()
    return RDBStorage(storage, engine_kwargs=together.engine_kwargs), together


@contextmanager
def uncollected() -> Iterator[None]:
    """Make many objects without Python looking through all of them for garbage, again and again.

    That would take two thirds of the time in which a large study is read.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
