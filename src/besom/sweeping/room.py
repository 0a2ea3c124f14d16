"""What is no fault of a trial: a full disk, a used-up quota, a limit to the size of files."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from besom.errors import StoreError


def is_lacking(error: BaseException) -> bool:
    """Whether it was for room that something could not be written."""
    numbers = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    return isinstance(error, OSError) and error.errno in numbers


@contextmanager
def needed(root: Path) -> Iterator[None]:
    """Say plainly that there is no room below ``root``.

    Raises:
        StoreError: instead of the system's error.
    """
    try:
        yield
    except OSError as error:
        if not is_lacking(error):
            raise
        raise StoreError(
            f"{root} cannot be written: {error.strerror}.\nMake room; the same command goes on."
        ) from error
