"""SQLite's write-ahead log.

With it a commit waits for the disk once instead of four times and costs less than half of the
processor's time, and who reads does not keep the writer waiting.
"""

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

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
