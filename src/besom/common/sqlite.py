"""Opens SQLite files: with a write-ahead log to write, or a copy where the file is read-only.

With the log a commit waits for the disk once instead of four times and costs less than half of the
processor's time, and a reader does not keep the writer waiting.
"""

import atexit
import functools
import os
import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from tempfile import mkdtemp

from besom.common.errors import StoreError

BUSY_SECONDS = 2.0


def write_ahead(path: Path) -> None:
    """Give the database at ``path`` a write-ahead log, which it keeps from then on.

    Where the file system does not take one, or while others use the database, it keeps the journal
    that it has.
    """
    with (
        suppress(sqlite3.DatabaseError),
        closing(sqlite3.connect(path, BUSY_SECONDS)) as database,
    ):
        database.execute("PRAGMA journal_mode = WAL")


def is_read_only(path: Path) -> bool:
    """Whether this user may read a database file, but neither change it nor write beside it."""
    writable = os.access(path, os.W_OK) and os.access(path.parent, os.W_OK | os.X_OK)
    return os.path.exists(path) and not writable


def readable_file(path: Path) -> Path:
    """A database file that can be read: this one, or a copy of it, which goes with this process.

    Raises:
        StoreError: it cannot be read, or there is no room for a copy.
    """
    return _copy(path) if is_read_only(path) else path


@functools.cache
def _copy(path: Path) -> Path:
    folder = Path(mkdtemp(prefix="besom-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    try:
        for source in (path, path.with_name(f"{path.name}-wal")):
            if source.exists():
                shutil.copyfile(source, folder / source.name)
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}.") from error
    return folder / path.name
