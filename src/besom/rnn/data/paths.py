"""Finds the files that options name, and refuses those that cannot be read."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from besom.app.modules.reference import working_folder
from besom.common.errors import DataError

Found = TypeVar("Found")


def named_file(path: str) -> Path:
    """The place that is meant, below the folder in which the command was given, wherever Hydra has
    moved since. The home of a user who is not there stays as it is written."""
    return Path(working_folder(), os.path.expanduser(path))


def read_by(look: Callable[[Path], Found], file: Path) -> Found:
    """What ``look`` finds of a file.

    Raises:
        DataError: it cannot be read.
    """
    try:
        return look(file)
    except OSError as error:
        raise DataError(f"`{file}` cannot be read: {error.strerror or error}") from error
