"""Where Besom keeps what it can make again: read data and compiled programs."""

import os
import sys
from pathlib import Path


def cache_folder() -> Path:
    """BESOM_CACHE, or ``besom`` in the platform's folder for a user's caches."""
    if chosen := os.environ.get("BESOM_CACHE"):
        return Path(chosen).expanduser().absolute()
    return _platform_folder() / "besom"


def _platform_folder() -> Path:
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    variable = "LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME"
    return Path(os.environ.get(variable) or Path.home() / ".cache")
