"""Prepares what TensorFlow reads once at its start, and XLA's cache of compiled programs.

Call :func:`prepare` before TensorFlow is used.
"""

import hashlib
import logging
import os
import platform
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryFile

from besom.common.files import cache_folder, make_private
from besom.common.interpreter import cores, importing
from besom.common.stdout import TENSORFLOW_LEVEL, TENSORFLOW_SILENT, standard_error_shut

log = logging.getLogger(__name__)

LIMIT = 1 << 30
"""The cache's limit in bytes on disk, checked when a process starts."""

_ENTRY = 1 << 20
"""The approximate size, in bytes, of one configuration's programs."""


@cache
def prepare() -> None:
    """Import TensorFlow quietly, with XLA's cache of compiled programs on disk.

    Environment variables that the user has set stay. TensorFlow may have been imported before, if
    it has computed nothing yet: it reads XLA's flags when it first lists the devices.
    """
    os.environ.setdefault(TENSORFLOW_LEVEL, TENSORFLOW_SILENT)
    programs = program_cache()
    with standard_error_shut(), _xla_flags(programs), importing("tensorflow"):
        import tensorflow as tf

        tf.config.list_physical_devices()


class ProgramCache:
    """XLA's own cache in a folder of the user, limited to ``limit`` bytes: the least recently used
    programs are removed.

    Processes share it: XLA writes an entry under another name and then renames it, and uses an
    entry only for the program that it was made from. XLA never removes an entry. Where it can
    neither load an entry nor write one, it does not compile and the program fails: see
    :mod:`besom.rnn.engines.compiled`.

    Args:
        folder: the cache's folder, created when absent, private to the user.
        platform: what machine code depends on beside its program, and XLA does not check.
        limit: the most bytes of all programs.

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
        """The value that ``TF_XLA_FLAGS`` needs when TensorFlow is imported."""
        flag = "--tf_xla_persistent_cache"
        return (
            f'{flag}_directory="{self.folder}" {flag}_device_types=CPU {flag}_prefix={self._prefix}'
        )

    def clear(self) -> None:
        """Remove the programs of this platform; other processes compile theirs again."""
        for entry in self.folder.glob(f"{self._prefix}__*.pb"):
            entry.unlink(missing_ok=True)
        self.times_cleared += 1


@cache
def program_cache() -> ProgramCache | None:
    """Return this process's program cache; None if it is not writable or the user sets flags."""
    if "TF_XLA_FLAGS" in os.environ:
        return None
    try:
        return ProgramCache(cache_folder() / "programs", numerics())
    except OSError as error:
        log.warning("compiled programs are not kept: %s", error)
        return None


def threads() -> int:
    """Return the number of threads that one operation may use."""
    limit = int(os.environ.get("TF_NUM_INTRAOP_THREADS") or 0)
    return limit or cores()


@contextmanager
def _xla_flags(programs: ProgramCache | None) -> Iterator[None]:
    """Set XLA's flags inside this block only.

    XLA reads them once, and a child process with other threads needs another prefix.
    """
    if programs is None:
        yield
        return
    os.environ["TF_XLA_FLAGS"] = programs.flags
    try:
        yield
    finally:
        del os.environ["TF_XLA_FLAGS"]


def numerics() -> str:
    """Return what the last bits of a result, and machine code, depend on beside the configuration.

    This includes the threads: XLA splits its loops among the threads that it has on compiling.
    """
    flags = os.environ.get("XLA_FLAGS", "")
    return f"tensorflow {version('tensorflow')}, {_processor()}, {threads()} threads, {flags}"


def _processor() -> str:
    """Return a digest of the instruction set.

    The programs are machine code, and machines may share a home folder.
    """
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = [platform.processor()]
    features = sorted({line for line in lines if line.startswith(("flags", "Features"))}) or lines
    return hashlib.sha256("".join([platform.machine(), *features]).encode()).hexdigest()[:12]


def _make_room(folder: Path, limit: int) -> None:
    """Remove the least recently used programs beyond the limit; any process may do so any time."""
    kept = 0
    for _, size, path in sorted(_files(folder), reverse=True):
        kept += size
        if kept > limit:
            path.unlink(missing_ok=True)


def _files(folder: Path) -> Iterator[tuple[float, int, Path]]:
    """Yield for each program when it was last read or written, its size in bytes, and its file."""
    for path in folder.iterdir():
        with suppress(FileNotFoundError):  # another process has removed it
            found = path.lstat()
            if stat.S_ISREG(found.st_mode):
                yield max(found.st_atime, found.st_mtime), found.st_size, path
