"""Optuna's database as a sweep uses it: SQLite writes ahead, and several things at once."""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path

import sqlalchemy
from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from besom.common import sqlite
from besom.common.addresses import mask
from besom.common.errors import StoreError
from besom.common.files import make_private
from besom.search.storage.connections import Connect, Gone, engine_kwargs
from besom.search.storage.transaction import Together, Torn

Transaction = Callable[[], AbstractContextManager[None]]

# Long enough for any other program to have made its tables.
CREATE_SECONDS = 5.0


def open_database(storage: str) -> tuple[RDBStorage, Transaction]:
    """Optuna's storage at an address, created where it is absent, and what groups its writes.

    Databases other than SQLite are not grouped: each write is a transaction of its own.

    Raises:
        ImportError, OSError, ValueError, RuntimeError, sqlalchemy.exc.SQLAlchemyError: the
            database cannot be used.
    """
    url = sqlalchemy.engine.make_url(storage)
    if url.get_backend_name() != "sqlite":
        return _on_one_connection(storage), nullcontext
    if url.database and not url.database.startswith("file:"):
        path = Path(url.database)
        make_private(path.parent)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))  # its log takes the same mode
        sqlite.write_ahead(path)
    together = Together()
    return _made(lambda: RDBStorage(storage, engine_kwargs=together.engine_kwargs)), together


def file_of(storage: str) -> Path | None:
    """The file of a database that is one; None for a server, or where the address is none."""
    with suppress(sqlalchemy.exc.ArgumentError):
        url = sqlalchemy.engine.make_url(storage)
        name = url.database or ":memory:"
        if url.get_backend_name() == "sqlite" and not name.startswith((":", "file:")):
            return Path(name)
    return None


def _on_one_connection(storage: str) -> RDBStorage:
    """The tables are made and looked at first: for that Optuna needs two connections at once."""
    options = engine_kwargs(storage)
    connecting = {"connect_args": options["connect_args"]}
    _made(lambda: RDBStorage(storage, engine_kwargs=connecting)).engine.dispose()
    return RDBStorage(
        storage,
        engine_kwargs=options,
        skip_compatibility_check=True,
        skip_table_creation=True,
    )


def hold(database: RDBStorage, study: str, study_id: int) -> None:
    """Keep to one connection from now on, and see to it that no other sweep of the study writes.

    SQLite's file has a lock of its own, see ``lock.py``.

    Raises, now or at any later use:
        StudyError: another supervisor has the study (PostgreSQL).
        Gone: the connection has broken.
    """
    if database.engine.dialect.name != "sqlite":
        Connect(database.engine, study_id, study)


def _made(make: Callable[[], RDBStorage]) -> RDBStorage:
    """Optuna looks which tables are there and then makes the others. Where a second program, such
    as a dashboard or a notebook, does so at the same moment, one of the two comes too late: by its
    next try the tables are there.
    """
    deadline = time.monotonic() + CREATE_SECONDS
    while True:
        try:
            return make()
        except DBAPIError as error:
            if not _came_too_late(error) or time.monotonic() > deadline:
                raise
        time.sleep(0.05)


def _came_too_late(error: DBAPIError) -> bool:
    """SQLite says ``UNIQUE constraint failed``, PostgreSQL ``duplicate key value``."""
    said = str(error.orig).lower()
    return any(words in said for words in ("already exists", "unique", "duplicate"))


@contextmanager
def in_use(storage: str) -> Iterator[None]:
    """What a database does not do on the way, with a full disk or a server that has gone, is said
    in plain words. The process has to end then: what it knows may be ahead of the database.

    Raises:
        StoreError: instead of the errors of Optuna, SQLAlchemy and the databases.
    """
    try:
        yield
    except Gone as error:
        raise StoreError(
            f"hydra.sweeper.storage={mask(storage)}: {error}; the same command goes on."
        ) from error
    except (StorageInternalError, SQLAlchemyError, sqlite3.Error, Torn) as error:
        reason = mask(str(error.__cause__ or error.__context__ or error)).splitlines()[0]
        raise StoreError(
            f"hydra.sweeper.storage={mask(storage)} does not take what is written: {reason}.\n"
            f"{_remedy(reason)}; the same command goes on."
        ) from error


def _remedy(reason: str) -> str:
    """By what SQLite and PostgreSQL say."""
    said = reason.lower()
    if "full" in said or "no space" in said or "disk i/o" in said:
        return "Make room"
    if "locked" in said:
        return "End the program that keeps it locked"
    return "Bring it back, or let it be written"
