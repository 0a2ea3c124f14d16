"""MLflow's tables in a file that tests copy: its migrations take 2 s each time they create them."""

import fcntl
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path
from types import SimpleNamespace

from besom.common.addresses import sqlite_address
from besom.tracking import store
from besom.tracking.address import sqlite_path

VARIABLE = "BESOM_TEST_TABLES"
"""The environment variable that names the file, for child processes that copy it too."""

STORE = store.SqlAlchemyStore
"""MLflow's own store, which creates the tables."""


def make(file: Path) -> Path:
    """Create the tables in ``file`` unless another process has done so; return ``file``."""
    with file.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not file.exists():
            draft = file.with_suffix(".draft")
            STORE(sqlite_address(draft), file.parent.as_uri()).engine.dispose()
            draft.rename(file)
    return file


def copy(file: Path) -> None:
    """Make Besom copy ``file`` in this process wherever it would have MLflow create the tables."""
    store.SqlAlchemyStore = partial(_copied, file)


def _copied(file: Path, address: str, artifacts: str) -> SimpleNamespace:
    """Copy the tables to ``address``; return a stand-in for the store that would create them."""
    path = sqlite_path(address)
    path.write_bytes(file.read_bytes())
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE experiments SET artifact_location = ?", (f"{artifacts}/0",))
    return SimpleNamespace(engine=SimpleNamespace(dispose=lambda: None))
