"""Reads databases that cannot be written: SQLite itself writes beside a file that it reads."""

import atexit
import functools
import os
import shutil
from pathlib import Path
from tempfile import mkdtemp

from besom.errors import StoreError


def is_read_only(path: Path) -> bool:
    """Whether this user may read a database file, but neither change it nor write beside it."""
    writable = os.access(path, os.W_OK) and os.access(path.parent, os.W_OK | os.X_OK)
    return os.path.exists(path) and not writable


def readable(path: Path) -> Path:
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
