"""A write-ahead log for each run: entries are on disk before they are sent to MLflow.

One file of JSON lines per run, ``<root>/spool/<run_id>.jsonl``. Its process holds a lock on it, so
a file without a lock is what a killed process left behind. Every line may be delivered again: the
file is the truth until the run is closed in MLflow, and then it goes.
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
"""Where the logs are, below the root."""
SUFFIX = ".jsonl"
REFUSED = ".refused"
_CHECKSUM = re.compile(rb',"crc":(\d{1,10})\}$')
EMPTY_SECONDS = 60.0
"""A log without a line that is older than this will get none: its process was killed."""

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
            StoreError: its name is none of a file.
        """
        path = folder / f"{run_id}{SUFFIX}"
        if path.name != f"{run_id}{SUFFIX}":
            raise StoreError(f"run {run_id!r} has no plain name; its store is not to be trusted.")
        flags = os.O_CREAT | os.O_RDWR | os.O_APPEND
        log = cls(path, private(str(path), flags))
        fcntl.flock(log._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return log

    @classmethod
    def take_over(cls, path: Path) -> "RunLog | None":
        """Take over the log of a dead process; ``None`` where its process lives or it is gone."""
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

    @property
    def is_empty(self) -> bool:
        return self._size == 0

    def append(self, entry: Entry) -> None:
        """Add one line, or nothing at all: half a line would spoil the next."""
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
        """Make sure that even a power failure keeps what was appended."""
        os.fsync(self._descriptor)
        if self._is_listed:
            return
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # a new file's name is kept apart from its content
        finally:
            os.close(folder)
        self._is_listed = True

    def close(self) -> None:
        """Let go of the file; it stays for the next start."""
        os.close(self._descriptor)

    def remove(self) -> None:
        """All has been delivered."""
        self.path.unlink(missing_ok=True)
        self.close()

    def set_aside(self) -> Path | None:
        """Mark what MLflow does not take, until it may; its new place, the first time."""
        aside = self.path.with_suffix(REFUSED)
        if aside.exists():  # this log, or another of the same run
            return None
        self.path = self.path.replace(aside)
        return self.path

    def take_back(self) -> None:
        """MLflow takes it after all."""
        self.path = self.path.replace(self.path.with_suffix(SUFFIX))

    def _drop_partial_line(self) -> None:
        content = self.path.read_bytes()
        self._size = content.rfind(b"\n") + 1
        os.ftruncate(self._descriptor, self._size)


def read(path: Path) -> Iterator[Entry]:
    """The whole lines of a log; a line that a power failure has cut, or damaged later, is none."""
    try:
        *lines, _partial = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return
    for line in lines:
        if entry := _entry(line):
            yield entry


def first_entry(path: Path) -> Entry | None:
    """How a log begins, None where that cannot be read: it is not known whose log it is then."""
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
    """What a line says, if all of it is as it was written."""
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
    """The logs in a folder, oldest first."""
    return sorted((path for suffix in suffixes for path in folder.glob(f"*{suffix}")), key=_age)


def set_orphaned_logs_aside(folder: Path) -> None:
    """Keep, under another name, logs of dead processes whose beginning a power failure or a full
    disk has destroyed: it is not known to which run they belong. Those without a line go.
    """
    for path in run_logs(folder):
        if first_entry(path) or not _has_begun(path) or not (log := RunLog.take_over(path)):
            continue
        if first_entry(path):  # its process has just begun it, and died
            log.close()
        elif log.is_empty:
            log.remove()
        else:
            aside = log.set_aside()
            log.close()
            _logger.warning("%s does not say whose log it is; it is kept as %s", path, aside)


def _has_begun(path: Path) -> bool:
    """Whether the process that made this log has had the time to lock it and to write a line."""
    try:
        return path.stat().st_size > 0 or time.time() - _age(path) > EMPTY_SECONDS
    except FileNotFoundError:
        return False


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
