"""Looks at a record that cannot be written: SQLite itself writes beside a file that it reads."""

import atexit
import functools
import os
import shutil
from pathlib import Path
from tempfile import mkdtemp

from besom.addresses import sqlite_address
from besom.errors import StoreError
from besom.tracking.address import sqlite_path


def is_read_only(path: Path) -> bool:
    """Whether this user may read a database file, but neither change it nor write beside it."""
    writable = os.access(path, os.W_OK) and os.access(path.parent, os.W_OK | os.X_OK)
    return os.path.exists(path) and not writable


def readable(uri: str) -> str:
    """An address at which the record at ``uri`` can be read: its own, or that of a copy, which goes
    with this process.

    Raises:
        StoreError: it cannot be read, or there is no room for a copy.
    """
    path = sqlite_path(uri)
    return sqlite_address(_copy(path)) if path is not None and is_read_only(path) else uri


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
