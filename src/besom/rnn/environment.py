"""Settings that TensorFlow reads once, when it starts, and XLA's cache of compiled programs.

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
"""Bytes on disk, looked at when a process starts."""

_ENTRY = 1 << 20
"""Bytes that a configuration's programs take, about."""


@cache
def prepare() -> None:
    """Import TensorFlow: quietly, and with XLA's cache of compiled programs on disk.

    Variables that the user has set are left alone. TensorFlow may have been imported before, as
    long as it has computed nothing: it reads XLA's flags with its first look at the devices.
    """
    os.environ.setdefault(TENSORFLOW_LEVEL, TENSORFLOW_SILENT)
    programs = program_cache()
    with standard_error_shut(), _xla_flags(programs), importing("tensorflow"):
        import tensorflow as tf

        tf.config.list_physical_devices()


class ProgramCache:
    """XLA's own cache, in a folder of the user's, with at most ``limit`` bytes in it: the least
    recently used programs make room.

    Processes share it: XLA writes an entry under another name and renames it, and takes one only
    for the very program that it was made from. It never removes one. Where it can neither load an
    entry nor write one, it does not compile: the program fails, see
    :mod:`besom.rnn.engines.compiled`.

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


@cache
def program_cache() -> ProgramCache | None:
    """Where this process keeps compiled programs; None where it cannot, or the user sets flags."""
    if "TF_XLA_FLAGS" in os.environ:
        return None
    try:
        return ProgramCache(cache_folder() / "programs", numerics())
    except OSError as error:
        log.warning("compiled programs are not kept: %s", error)
        return None


def threads() -> int:
    """How many threads one operation may use."""
    limit = int(os.environ.get("TF_NUM_INTRAOP_THREADS") or 0)
    return limit or cores()


@contextmanager
def _xla_flags(programs: ProgramCache | None) -> Iterator[None]:
    """XLA reads its flags once; a child process may have other threads, and so another prefix."""
    if programs is None:
        yield
        return
    os.environ["TF_XLA_FLAGS"] = programs.flags
    try:
        yield
    finally:
        del os.environ["TF_XLA_FLAGS"]


def numerics() -> str:
    """What the last bits of a training depend on beside its configuration, and machine code too.

    Threads are among it: XLA splits its loops among as many as it has when it compiles.
    """
    flags = os.environ.get("XLA_FLAGS", "")
    return f"tensorflow {version('tensorflow')}, {_processor()}, {threads()} threads, {flags}"


def _processor() -> str:
    """Names the instruction set: the programs are machine code, and a home may be shared."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = [platform.processor()]
    features = sorted({line for line in lines if line.startswith(("flags", "Features"))}) or lines
    return hashlib.sha256("".join([platform.machine(), *features]).encode()).hexdigest()[:12]


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
