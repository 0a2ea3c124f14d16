"""Where a file is that an option names."""

import os
from pathlib import Path

from besom.app.modules.reference import working_folder


def named_file(path: str) -> Path:
    """The place that is meant, below the folder in which the command was given, wherever Hydra has
    moved since. The home of a user who is not there stays as it is written."""
    return Path(working_folder(), os.path.expanduser(path))
