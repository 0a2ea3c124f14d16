"""Opens a study in its database, or says why that cannot be used."""

import re
import sqlite3
from collections.abc import Sequence

import optuna
import sqlalchemy

from besom.common.addresses import mask, missing_driver, reach
from besom.common.errors import StoreError
from besom.common.interpreter import uncollected
from besom.search.storage.cached_storage import SERVER_STEP, SQLITE_STEP, Mirror
from besom.search.storage.connections import CONNECT_SECONDS
from besom.search.storage.database import file_of, hold, open_database
from besom.search.study import Study, as_directions

# What SQLAlchemy, its drivers and Optuna raise where a database cannot be used.
UNUSABLE = (
    sqlalchemy.exc.SQLAlchemyError,
    sqlite3.Error,
    ImportError,
    OSError,
    RuntimeError,
    ValueError,
)


def open_study(name: str, storage: str, directions: Sequence[str]) -> Study:
    """Create the study, or open it as it is: its own directions may differ from these.

    Raises:
        StoreError: the database cannot be reached or written.
        StudyError: a sweep of this study is going on, on this or another machine (PostgreSQL).
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        reach(storage, CONNECT_SECONDS)
        database, together = open_database(storage)
        study = optuna.create_study(
            study_name=name,
            storage=database,
            directions=as_directions(directions),
            load_if_exists=True,
        )
        hold(database, name, study._study_id)
        is_sqlite = database.engine.dialect.name == "sqlite"
        steps = SQLITE_STEP if is_sqlite else SERVER_STEP
        with uncollected():
            mirror = Mirror(study._storage, study._study_id, together, steps)
        mirrored = optuna.load_study(study_name=name, storage=mirror)
    except UNUSABLE as error:
        reason = mask(str(error.__cause__ or error)).splitlines()[0].rstrip(".")
        other = (
            "Give a database that can be reached and written, such as sqlite:///mlruns/optuna.db."
        )
        raise StoreError(
            f"hydra.sweeper.storage={mask(storage)} cannot be used: {reason}.\n"
            f"{missing_driver(error) or _made_by_another(error) or other}"
        ) from error
    return Study(mirrored, together, database.engine.dispose)


def _made_by_another(error: Exception) -> str:
    """What to do where an Optuna made the tables that this one does not read."""
    made_by = re.search(r"set up by (optuna [\w.]+)", str(error))
    if not made_by:
        return ""
    return f"{made_by[1]} made it: give another database, or upgrade a copy of it."


def existing_study(name: str, storage: str) -> Study | None:
    """A study as it is, to look at; None where there is none, or it cannot be read."""
    file = file_of(storage)
    if file is not None and not file.exists():
        return None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        reach(storage, CONNECT_SECONDS)
        database = optuna.storages.RDBStorage(storage)
        study = optuna.load_study(study_name=name, storage=database)
    except (*UNUSABLE, KeyError):
        return None
    return Study(study, close=database.engine.dispose)


def memory_study(directions: Sequence[str]) -> Study:
    """A study that leaves no trace, for a look at what would be proposed."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return Study(optuna.create_study(directions=as_directions(directions)))
