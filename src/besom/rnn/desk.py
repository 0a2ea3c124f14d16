"""A folder of one process alone, which goes when its process has gone, however that ended."""

import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from besom.folders import not_through_links

_LOCK = ".lock"


class Desk:
    """An empty folder below ``parent``; those of processes that have died are removed first.

    Raises:
        OSError: ``parent`` cannot be written, or takes no locks.
        StoreError: a lock in it is a link.
    """

    def __init__(self, parent: Path) -> None:
        with _alone(parent):
            _remove_deserted(parent)
            self.path = Path(tempfile.mkdtemp(prefix=".desk-", dir=parent))
            # The kernel lets go of the lock when this process ends.
            self._lock = _opened(self.path)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def place(self, content: bytes, target: Path) -> None:
        """Write ``target``, here or elsewhere below the parent, whole or not at all."""
        draft = self.path / ".draft"
        draft.write_bytes(content)
        draft.replace(target)

    def clear(self) -> None:
        """Remove all that lies on it."""
        for path in self.path.iterdir():
            if path.name != _LOCK:
                path.unlink(missing_ok=True)


def _opened(folder: Path) -> IO[str]:
    return open(folder / _LOCK, "w", opener=not_through_links)


@contextmanager
def _alone(parent: Path) -> Iterator[None]:
    with _opened(parent) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _remove_deserted(parent: Path) -> None:
    for desk in parent.glob(".desk-*"):
        if desk.is_symlink():
            continue  # none of ours
        with _opened(desk) as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue  # its process lives
            shutil.rmtree(desk, ignore_errors=True)
