"""Compiled programs on disk, for every process of a user; a damaged one is never used.

XLA's own persistent cache runs what it finds in its folder: of 300 copies of an entry with one bit
flipped, 11 computed something else and 28 killed the process (docs/decisions/009). So XLA gets a
:class:`Desk`, empty between programs. What belongs to a program is copied there, when its digest
is right, before XLA looks; what XLA has written there is sealed with a digest and moved into the
store.
"""

import hashlib
import logging
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from besom.folders import make_private
from besom.rnn.desk import Desk

LIMIT = 1 << 30
"""Bytes on disk. A configuration takes about 1 MB; the least recently used make room."""

_DIGEST_SIZE = hashlib.sha256().digest_size

log = logging.getLogger(__name__)


class ProgramStore:
    """One file for each program: the SHA-256 of what follows, then the file as XLA wrote it.

    Args:
        folder: made when absent, for this user alone.
        platform: all that machine code depends on beside its program; programs of other
            platforms, of an older TensorFlow say, are not found, and give way in the end.
        limit: bytes that the programs may take.

    Raises:
        OSError: the folder cannot be written, is a link, or belongs to another user.
    """

    def __init__(self, folder: Path, platform: str, limit: int = LIMIT) -> None:
        _make_private(folder)
        self._folder = folder
        self._platform = platform
        self._limit = limit
        self._desk = Desk(folder)
        self._make_room()

    @property
    def desk(self) -> Path:
        """The folder that XLA is to take for its cache."""
        return self._desk.path

    @contextmanager
    def at_hand(self, identity: str) -> Iterator[None]:
        """Inside this block XLA finds the program of this identity, or it compiles and we keep it.

        A store that cannot be read or written costs time only.

        Args:
            identity: what the program is made from. That it computes the same is for XLA to say,
                which compares the whole of it with what it loads.
        """
        key = self._key(identity)
        restored = self._restore(key)
        try:
            yield
            for path in self._left_on_desk():
                if path.name not in restored:
                    self._keep(key, path)
        finally:
            with suppress(OSError):  # another process has emptied the whole cache
                self._desk.clear()

    def _left_on_desk(self) -> list[Path]:
        with suppress(OSError):
            return list(self.desk.glob("*.pb"))
        return []

    def forget(self, identity: str) -> None:
        """Remove a program that XLA does not take."""
        for entry in self._entries(self._key(identity)):
            entry.unlink(missing_ok=True)

    def _key(self, identity: str) -> str:
        return hashlib.sha256(f"{self._platform}\n{identity}".encode()).hexdigest()[:32]

    def _entries(self, key: str) -> list[Path]:
        return list(self._folder.glob(f"{key}-*"))

    def _restore(self, key: str) -> set[str]:
        """Copy what is sound to the desk; returns its names there."""
        restored = set()
        for entry in self._entries(key):
            name = entry.name.removeprefix(f"{key}-")
            with suppress(OSError):  # another process has made room, say
                program = _unsealed(entry)
                if program is None:
                    log.warning("the compiled program %s is damaged; it is made again", entry)
                    entry.unlink()
                    continue
                self._desk.place(program, self.desk / name)
                restored.add(name)
                os.utime(entry)
        return restored

    def _keep(self, key: str, path: Path) -> None:
        try:
            program = path.read_bytes()
            sealed = hashlib.sha256(program).digest() + program
            self._desk.place(sealed, self._folder / f"{key}-{path.name}")
            self._make_room()
        except OSError as error:
            log.warning("a compiled program is not kept: %s", error)

    def _make_room(self) -> None:
        """Remove the least recently used. Any process may do it at any time."""
        kept = 0
        for _, size, path in sorted(_files(self._folder), reverse=True):
            kept += size
            if kept > self._limit:
                path.unlink(missing_ok=True)


def _unsealed(entry: Path) -> bytes | None:
    """The program in a file of this user, or None where it is not what was sealed."""
    with entry.open("rb") as file:
        owner, content = os.fstat(file.fileno()).st_uid, file.read()
    digest, program = content[:_DIGEST_SIZE], content[_DIGEST_SIZE:]
    sound = owner == os.geteuid() and hashlib.sha256(program).digest() == digest
    return program if sound else None


def _files(folder: Path) -> Iterator[tuple[float, int, Path]]:
    """When each program was last used, its size in bytes, and its file."""
    for path in folder.iterdir():
        with suppress(FileNotFoundError):  # another process has made room
            found = path.lstat()
            if stat.S_ISREG(found.st_mode) and not path.name.startswith("."):
                yield found.st_mtime, found.st_size, path


def _make_private(folder: Path) -> None:
    """Machine code is run as it is: no other user may put any here. Nor does a link lead elsewhere,
    where files that are not ours would give way to ours."""
    if folder.is_symlink():
        raise PermissionError(f"{folder} is a link")
    make_private(folder)
    found = folder.stat()
    if found.st_uid != os.geteuid():
        raise PermissionError(f"{folder} belongs to another user")
    if stat.S_IMODE(found.st_mode) & 0o077:
        folder.chmod(0o700)
