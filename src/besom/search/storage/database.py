"""Opens a study in its database, or says why it cannot be opened."""

import os
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, nullcontext, suppress
from pathlib import Path

import optuna
import sqlalchemy
from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage
from sqlalchemy.exc import SQLAlchemyError

from besom.common import sqlite
from besom.common.addresses import mask, missing_driver, reach, sqlite_address
from besom.common.errors import StoreError, StudyError
from besom.common.files import make_private
from besom.common.interpreter import uncollected
from besom.search.objective import as_directions
from besom.search.options import SweepOptions
from besom.search.storage.cached_storage import SERVER_STEP, SQLITE_STEP, CachedStorage
from besom.search.storage.server import CONNECT_SECONDS, ConnectionLost, hold, open_server
from besom.search.storage.transaction import SqliteTransaction, Transaction, TransactionFailed
from besom.search.study import Study

CONFIRMATIONS = "/confirmations"
"""The suffix of the name of a study of confirmations. A sweep's study has no slash in its name."""

# The errors of SQLAlchemy, its drivers and Optuna for a database that cannot be used.
UNUSABLE = (SQLAlchemyError, sqlite3.Error, ImportError, OSError, RuntimeError, ValueError)
UNREADABLE = (*UNUSABLE, StorageInternalError)
"""The same, with the error for a database that was opened and then cannot be read."""
TABLES = ("studies", "version_info", "alembic_version")
"""Tables that every database of Optuna's has."""


def open_study(name: str, storage: str, directions: Sequence[str]) -> Study:
    """Create the study, or open an existing one, whose directions may differ from these.

    Raises:
        StoreError: the database cannot be reached or written.
        StudyError: the study is being swept, on this or another machine (PostgreSQL).
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        reach(storage, CONNECT_SECONDS)
        database, transaction = open_database(storage)
        study = optuna.create_study(
            study_name=name,
            storage=database,
            directions=as_directions(directions),
            load_if_exists=True,
        )
        is_sqlite = isinstance(transaction, SqliteTransaction)
        if not is_sqlite:
            hold(database, name, study._study_id)
        steps = SQLITE_STEP if is_sqlite else SERVER_STEP
        with uncollected():
            cached = CachedStorage(study._storage, study._study_id, transaction, steps)
        cached_study = optuna.load_study(study_name=name, storage=cached)
    except UNUSABLE as error:
        reason = mask(str(error.__cause__ or error)).splitlines()[0].rstrip(".")
        other = (
            "Give a database that can be reached and written, such as sqlite:///mlruns/optuna.db."
        )
        raise StoreError(
            f"hydra.sweeper.storage={mask(storage)} cannot be used: {reason}.\n"
            f"{missing_driver(error) or _made_by_another(error) or other}"
        ) from error
    return Study(cached_study, transaction, database.engine.dispose)


def open_confirmations(study: Study, direction: str | None) -> Study:
    """Open the study of a study's confirmations, in the same database.

    Args:
        direction: the direction of the confirmed metric. If it is None, nothing is confirmed. Then
            no study is made, and an empty one in memory is returned if there is none yet.

    Raises:
        StudyError: another program has made a study of that name, with several objectives.
    """
    name = f"{study.name}{CONFIRMATIONS}"
    directions = as_directions([direction] if direction else [])
    storage = study.storage.second_study(name, directions)
    if storage is None:
        return memory_study(["minimize"])
    confirmations = Study(optuna.load_study(study_name=name, storage=storage), study.transaction)
    if len(confirmations.directions) > 1:
        raise StudyError(
            f"study {name}, which keeps confirmations, was made by another program, with "
            f"{len(confirmations.directions)} objectives.\n"
            "Delete it, or give another study name or database."
        )
    return confirmations


def existing_study(name: str, storage: str) -> Study | None:
    """Open a study for reading; None if it does not exist or cannot be read."""
    try:
        return _look_at(name, storage)
    except UNREADABLE:
        return None


def has_finished_trial(name: str, storage: str) -> bool:
    """Return whether a study has a complete trial.

    It is true also for a database that cannot be read: :func:`open_study` then says why.
    """
    try:
        study = _look_at(name, storage)
    except UNREADABLE:
        return True
    if study is None:
        return False
    with closing(study):
        return any(row.state == "complete" for row in study.rows())


def _look_at(name: str, storage: str) -> Study | None:
    """Open a study for reading; None if it does not exist.

    It creates nothing in the database, which may be another program's.

    Raises:
        UNREADABLE: the database cannot be read.
    """
    file = file_of(storage)
    if file is not None and not file.exists():
        return None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    reach(storage, CONNECT_SECONDS)
    if not _has_tables(storage):
        return None
    database = RDBStorage(storage, skip_table_creation=True)
    with ExitStack() as opened:
        opened.callback(database.engine.dispose)
        try:
            study = optuna.load_study(study_name=name, storage=database)
        except KeyError:
            return None
        cached = CachedStorage(study._storage, study._study_id, nullcontext)
        study = optuna.load_study(study_name=name, storage=cached)
        opened.pop_all()
    return Study(study, close=database.engine.dispose)


def _has_tables(storage: str) -> bool:
    """Return whether this database has Optuna's tables."""
    engine = sqlalchemy.create_engine(storage)
    try:
        found = sqlalchemy.inspect(engine)
        return all(map(found.has_table, TABLES))
    finally:
        engine.dispose()


def memory_study(directions: Sequence[str]) -> Study:
    """Return a new study in memory, to see what would be proposed."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return Study(optuna.create_study(directions=as_directions(directions)))


def open_database(storage: str) -> tuple[RDBStorage, Transaction]:
    """Return Optuna's storage at an address, created if it is absent, and its transaction.

    The transaction groups writes only in SQLite. In other databases each write is its own one.

    Raises:
        UNUSABLE: the database cannot be used.
    """
    url = sqlalchemy.engine.make_url(storage)
    if url.get_backend_name() != "sqlite":
        return open_server(storage), nullcontext
    if path := file_of(storage):
        make_private(path.parent)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))  # SQLite's log gets the same mode
        sqlite.write_ahead(path)
    transaction = SqliteTransaction()
    return RDBStorage(storage, engine_kwargs=transaction.engine_kwargs), transaction


def file_of(storage: str) -> Path | None:
    """Return the file of an SQLite database; None for any other, or for an invalid address."""
    with suppress(sqlalchemy.exc.ArgumentError):
        url = sqlalchemy.engine.make_url(storage)
        name = url.database or ":memory:"
        if url.get_backend_name() == "sqlite" and not name.startswith((":", "file:")):
            return Path(name)
    return None


@contextmanager
def in_use(storage: str) -> Iterator[None]:
    """Report failures of a database in use, such as a full disk or a lost server, in plain words.

    The process must then end, since its memory may be ahead of the database.

    Raises:
        StoreError: in the place of errors of Optuna, SQLAlchemy and the databases.
    """
    try:
        yield
    except ConnectionLost as error:
        raise StoreError(
            f"hydra.sweeper.storage={mask(storage)}: {error}; the same command resumes the sweep."
        ) from error
    except (StorageInternalError, SQLAlchemyError, sqlite3.Error, TransactionFailed) as error:
        reason = mask(str(error.__cause__ or error.__context__ or error)).splitlines()[0]
        raise StoreError(
            f"hydra.sweeper.storage={mask(storage)} cannot be written: {reason}.\n"
            f"{_remedy(reason)}; the same command resumes the sweep."
        ) from error


def _made_by_another(error: Exception) -> str:
    """Return a remedy if another version of Optuna made the tables; otherwise an empty string."""
    made_by = re.search(r"set up by (optuna [\w.]+)", str(error))
    if not made_by:
        return ""
    return f"{made_by[1]} made it: give another database, or upgrade a copy of it."


def _remedy(reason: str) -> str:
    """Return the remedy for an error message of SQLite or PostgreSQL."""
    said = reason.lower()
    if "full" in said or "no space" in said or "disk i/o" in said:
        return "Free some space"
    if "locked" in said:
        return "End the program that keeps it locked"
    return "Bring it back, or let it be written"


def storage_of(options: SweepOptions) -> str:
    """Return the address of Optuna's database."""
    return options.storage or sqlite_address(Path(options.root) / "optuna.db")


def lock_of(options: SweepOptions) -> tuple[Path, str]:
    """Return the folder and the name of the study's lock.

    If the database is a file, the lock is beside it, since sweeps of other roots may share it.
    """
    file, study = file_of(storage_of(options)), options.study_name
    if file is None:
        return Path(options.root), study
    with suppress(OSError):  # opening the database will say what is wrong
        make_private(file.parent)
    if not os.access(file.parent, os.W_OK | os.X_OK):
        return Path(options.root), study
    return file.parent, study if file.name == "optuna.db" else f"{file.name}-{study}"
