"""Resolves the paths of options to files, and refuses files that cannot be read."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from besom.app.modules.reference import working_folder
from besom.common.errors import DataError

Found = TypeVar("Found")


def named_file(path: str) -> Path:
    """Return a path relative to the folder of the command, also where Hydra has changed folders.
    ``~`` is expanded; the home of an unknown user stays as written."""
    return Path(working_folder(), os.path.expanduser(path))


def read_by(look: Callable[[Path], Found], file: Path) -> Found:
    """Return what ``look`` returns for a file.

    Raises:
        DataError: the file cannot be read.
    """
    try:
        return look(file)
    except OSError as error:
        raise DataError(f"`{file}` cannot be read: {error.strerror or error}") from error
