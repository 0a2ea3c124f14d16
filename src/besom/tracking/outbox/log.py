"""Keeps a write-ahead log for each run: entries are on disk before they are sent to MLflow.

There is one file of JSON lines per run, ``<root>/spool/<run_id>.jsonl``. Its process holds a lock
on it, so a file without a lock was left by a killed process. Every line may be delivered again: the
file is authoritative until the run is closed in MLflow, and is then deleted.
"""

import fcntl
import json
import logging
import os
import re
import time
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from besom.common.errors import StoreError
from besom.common.files import private
from besom.tracking.outbox.entries import Entry, Kind

FOLDER = "spool"
"""The folder of the logs, below the root."""
SUFFIX = ".jsonl"
REFUSED = ".refused"
_CHECKSUM = re.compile(rb',"crc":(\d{1,10})\}$')
EMPTY_SECONDS = 60.0
"""The process of an empty log older than this was killed: no line will follow."""

_logger = logging.getLogger(__name__)


class RunLog:
    """The log of one run, open and locked. Appending costs microseconds."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.run_id = path.stem
        self._descriptor = descriptor
        self._is_listed = False
        self._size = os.fstat(descriptor).st_size

    @classmethod
    def create(cls, folder: Path, run_id: str) -> "RunLog":
        """Open the log of a run of this process.

        Raises:
            StoreError: the run's id is no plain file name.
        """
        path = folder / f"{run_id}{SUFFIX}"
        if path.name != f"{run_id}{SUFFIX}":
            raise StoreError(f"the run id {run_id!r} is no file name; its store cannot be trusted.")
        flags = os.O_CREAT | os.O_RDWR | os.O_APPEND
        log = cls(path, private(str(path), flags))
        fcntl.flock(log._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return log

    @classmethod
    def take_over(cls, path: Path) -> "RunLog | None":
        """Take over the log of a dead process; ``None`` if the process lives or the log is gone."""
        try:
            descriptor = private(str(path), os.O_RDWR | os.O_APPEND)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        if os.fstat(descriptor).st_nlink == 0:
            os.close(descriptor)
            return None
        log = cls(path, descriptor)
        log._drop_partial_line()
        return log

    @staticmethod
    def is_held(path: Path) -> bool:
        """Return whether the process of a log lives."""
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    @property
    def is_empty(self) -> bool:
        return self._size == 0

    def append(self, entry: Entry) -> None:
        """Add one whole line, or nothing: half a line would spoil the next one."""
        line = _line(entry)
        rest = memoryview(line)
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError:
            os.ftruncate(self._descriptor, self._size)
            raise
        self._size += len(line)

    def sync(self) -> None:
        """Make what was appended safe from power failures."""
        os.fsync(self._descriptor)
        if self._is_listed:
            return
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # a new file's name is synced apart from its content
        finally:
            os.close(folder)
        self._is_listed = True

    def close(self) -> None:
        """Close the file, which stays for the next start."""
        os.close(self._descriptor)

    def remove(self) -> None:
        """Delete the log, when all of it has been delivered."""
        self.path.unlink(missing_ok=True)
        self.close()

    def set_aside(self) -> Path | None:
        """Rename the log as refused by MLflow; return its new path, None if it has been already."""
        aside = self.path.with_suffix(REFUSED)
        if aside.exists():  # of this log, or of another one of the same run
            return None
        self.path = self.path.replace(aside)
        return self.path

    def take_back(self) -> None:
        """Undo :meth:`set_aside`, when MLflow has accepted the log."""
        self.path = self.path.replace(self.path.with_suffix(SUFFIX))

    def _drop_partial_line(self) -> None:
        content = self.path.read_bytes()
        self._size = content.rfind(b"\n") + 1
        os.ftruncate(self._descriptor, self._size)


def read(path: Path) -> Iterator[Entry]:
    """Yield the entries of a log; skip lines that a power failure has cut or damaged."""
    try:
        *lines, _partial = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return
    for line in lines:
        if entry := _entry(line):
            yield entry


def first_entry(path: Path) -> Entry | None:
    """Return a log's first entry; None where it cannot be read, and the log's run is unknown."""
    first = next(read(path), None)
    if first is None or first.kind != Kind.OPENED:
        return None
    is_whole = isinstance(first.body.get("name"), str) and isinstance(first.body.get("tags"), dict)
    return first if is_whole else None


def _line(entry: Entry) -> bytes:
    content = {"kind": entry.kind, "body": entry.body, "at": entry.at}
    text = json.dumps(content, separators=(",", ":")).encode()
    return text[:-1] + b',"crc":%d}\n' % zlib.crc32(text)


def _entry(line: bytes) -> Entry | None:
    """Return the entry of a line, None where the line is damaged."""
    checksum = _CHECKSUM.search(line)
    if checksum is None:
        return None
    text = line[: checksum.start()] + b"}"
    if zlib.crc32(text) != int(checksum[1]):
        return None
    try:
        entry = Entry(**json.loads(text))
    except (ValueError, TypeError, RecursionError):
        return None
    is_entry = isinstance(entry.kind, str) and isinstance(entry.body, dict)
    return entry if is_entry and isinstance(entry.at, int) else None


def run_logs(folder: Path, suffixes: Sequence[str] = (SUFFIX,)) -> list[Path]:
    """Return the logs in a folder, oldest first."""
    return sorted((path for suffix in suffixes for path in folder.glob(f"*{suffix}")), key=_age)


def set_orphaned_logs_aside(folder: Path) -> None:
    """Set aside the logs of dead processes whose first line a power failure or a full disk has
    destroyed, since their runs are unknown. Empty logs are deleted.
    """
    for path in run_logs(folder):
        if first_entry(path) or not _has_begun(path) or not (log := RunLog.take_over(path)):
            continue
        if first_entry(path):  # its process wrote it meanwhile, and died
            log.close()
        elif log.is_empty:
            log.remove()
        else:
            aside = log.set_aside()
            log.close()
            _logger.warning("%s does not name its run; it is kept as %s", path, aside)


def _has_begun(path: Path) -> bool:
    """Return whether the log's process has had time to lock it and to write a line."""
    try:
        return path.stat().st_size > 0 or time.time() - _age(path) > EMPTY_SECONDS
    except FileNotFoundError:
        return False


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
