"""XLA's own cache of compiled programs, in a folder of the user's.

Processes share it: XLA writes an entry under another name and renames it, and takes one only for
the very program that it was made from. It never removes one. Where it can neither load an entry
nor write one, it does not compile: the program fails (see :mod:`besom.rnn.engines.compiled`).
"""

import hashlib
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile

from besom.common.files import make_private

LIMIT = 1 << 30
"""Bytes on disk, looked at when a process starts."""

_ENTRY = 1 << 20
"""Bytes that a configuration's programs take, about."""


class ProgramCache:
    """The folder, with at most ``limit`` bytes in it: the least recently used make room.

    Args:
        folder: made when absent, for this user alone.
        platform: all that machine code depends on beside its program, and XLA does not look at.
        limit: bytes that the programs may take.

    Raises:
        OSError: the folder cannot be written, or has no room.
    """

    def __init__(self, folder: Path, platform: str, limit: int = LIMIT) -> None:
        self.folder = folder
        self.times_cleared = 0
        self._prefix = hashlib.sha256(platform.encode()).hexdigest()[:16]
        make_private(folder)
        _make_room(folder, limit)
        with TemporaryFile(dir=folder) as file:
            file.write(bytes(_ENTRY))

    @property
    def flags(self) -> str:
        """What ``TF_XLA_FLAGS`` has to be when TensorFlow is imported."""
        flag = "--tf_xla_persistent_cache"
        return (
            f'{flag}_directory="{self.folder}" {flag}_device_types=CPU {flag}_prefix={self._prefix}'
        )

    def clear(self) -> None:
        """Remove the programs of this platform; other processes compile theirs anew."""
        for entry in self.folder.glob(f"{self._prefix}__*.pb"):
            entry.unlink(missing_ok=True)
        self.times_cleared += 1


def _make_room(folder: Path, limit: int) -> None:
    """Any process may do it at any time."""
    kept = 0
    for _, size, path in sorted(_files(folder), reverse=True):
        kept += size
        if kept > limit:
            path.unlink(missing_ok=True)


def _files(folder: Path) -> Iterator[tuple[float, int, Path]]:
    """When each program was last read or written, its size in bytes, and its file."""
    for path in folder.iterdir():
        with suppress(FileNotFoundError):  # another process has made room
            found = path.lstat()
            if stat.S_ISREG(found.st_mode):
                yield max(found.st_atime, found.st_mtime), found.st_size, path
