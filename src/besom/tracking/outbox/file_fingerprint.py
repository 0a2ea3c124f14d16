"""Whether a file that a run has named is still what it was then.

Attempts at one trial share a job folder, where a checkpoint of the one is found by the next. While
MLflow is away the next one may have written a file anew before that of the first is delivered.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any


def stamp(path: Path) -> list[int] | None:
    """Size and time of the last change (ns) of a file; None for a folder, or where it is gone."""
    try:
        found = path.stat()
    except OSError:
        return None
    return [found.st_size, found.st_mtime_ns] if path.is_file() else None


def is_anothers(body: Mapping[str, Any], ended: int | None) -> bool:
    """Whether the file of an entry was written after its run had ended (ms since 1970).

    A file that has not changed is the run's own, whatever the clock of its file system says.
    """
    before, now = body.get("stamp"), stamp(Path(body.get("path", "")))
    if ended is None or before is None or now is None:
        return False
    return now != before and now[1] // 1_000_000 > ended
