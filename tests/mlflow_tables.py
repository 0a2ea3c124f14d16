"""MLflow's tables as a file to be copied: each time that its migrations make them takes 2 s."""

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
"""Names the file, of the environment of processes that copy it too."""

STORE = store.SqlAlchemyStore
"""MLflow's own, which makes the tables."""


def make(file: Path) -> Path:
    """Make the tables there, once for all processes that ask for it."""
    with file.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not file.exists():
            draft = file.with_suffix(".draft")
            STORE(sqlite_address(draft), file.parent.as_uri()).engine.dispose()
            draft.rename(file)
    return file


def copy(file: Path) -> None:
    """From here on Besom copies them in this process, wherever it would have MLflow make them."""
    store.SqlAlchemyStore = partial(_copied, file)


def _copied(file: Path, address: str, artifacts: str) -> SimpleNamespace:
    """A store whose tables are as if it had made them."""
    path = sqlite_path(address)
    path.write_bytes(file.read_bytes())
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE experiments SET artifact_location = ?", (f"{artifacts}/0",))
    return SimpleNamespace(engine=SimpleNamespace(dispose=lambda: None))
