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
"""Bytes that are written to test whether a disk has room."""


def is_lacking(error: BaseException) -> bool:
    """Return whether something could not be written for lack of room."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def file_of(error: BaseException) -> Path | None:
    """Return the file that could not be written; None if it is not known.

    The system names the file if opening it has failed. If writing has failed, no error names it: it
    is the last file object among the local variables of the functions that the error came through.
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
    """Return whether the disk of ``root`` has no room; if no file is known, try to write there."""
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
    """Raise a clear error if this block finds no room below ``root``.

    Raises:
        StoreError: instead of the system's error.
    """
    try:
        yield
    except OSError as error:
        if not is_lacking(error) and error.errno != errno.EFBIG:
            raise
        raise StoreError(
            f"{root} cannot be written: {error.strerror}.\n"
            "Free some space; the same command resumes the sweep."
        ) from error
