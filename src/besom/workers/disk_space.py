"""Recognizes failures that are no fault of a trial: a full disk, or a used-up quota."""

import errno
import io
import os
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from besom.common.errors import StoreError

ENOUGH = 1 << 20
"""Bytes that a disk with room takes."""


def is_lacking(error: BaseException) -> bool:
    """Whether it was for room that something could not be written."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def file_of(error: BaseException) -> Path | None:
    """The file that could not be written, None where that is not known.

    The system names it where opening has failed. Where writing has, no error names a file: it is
    the last file object among the variables of the functions that the error came from.
    """
    for name in (getattr(error, "filename2", None), getattr(error, "filename", None)):
        if isinstance(name, str | bytes | os.PathLike):
            return Path(os.fsdecode(name)).absolute()
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    for value in (value for frame in reversed(frames) for value in frame.f_locals.values()):
        if isinstance(value, io.IOBase) and isinstance(name := getattr(value, "name", None), str):
            return Path(name).absolute()
    return None


def is_lacking_at(root: Path, file: Path | None) -> bool:
    """Whether it is the disk of ``root`` that has no room; it is tried where no file is known."""
    if file is not None:
        return _device(file) == _device(root)
    try:
        with tempfile.TemporaryFile(dir=root) as trial:
            trial.write(bytes(ENOUGH))
            trial.flush()
            os.fsync(trial.fileno())
    except OSError:
        return True
    return False


def _device(path: Path) -> int:
    return next(p for p in (path, *path.absolute().parents) if p.exists()).stat().st_dev


@contextmanager
def needed(root: Path) -> Iterator[None]:
    """Say plainly that there is no room below ``root``.

    Raises:
        StoreError: instead of the system's error.
    """
    try:
        yield
    except OSError as error:
        if not is_lacking(error) and error.errno != errno.EFBIG:
            raise
        raise StoreError(
            f"{root} cannot be written: {error.strerror}.\nMake room; the same command goes on."
        ) from error
