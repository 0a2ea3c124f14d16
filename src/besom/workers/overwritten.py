"""Notices files with a fixed name that jobs running at the same time overwrite for one another."""

import os
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

MOST_FILES = 100
"""The most files of one job that are compared with those of others."""
MOST_JOBS = 100
"""The most ended jobs that others are compared with: those that may have run at the same time."""


class OverwrittenFiles:
    """Collects the files that a worker's jobs open to write them anew, below the working folder.

    Only what Python opens is noticed. Left out are files opened to be appended to, which is usual
    for logs, and hidden, cached and lock files.

    Args:
        left_out: folders whose files do not count, such as that of the jobs' own folders.
    """

    def __init__(self, *left_out: Path) -> None:
        self._folder = Path.cwd()
        self._left_out = [folder for folder in left_out if not self._folder.is_relative_to(folder)]
        self._found: set[str] = set()
        sys.addaudithook(self._hear)

    def take(self) -> frozenset[str]:
        """Return the files since the last call, relative to the working folder."""
        found, self._found = self._found, set()
        return frozenset(found)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event != "open" or not arguments[2] & os.O_TRUNC or len(self._found) >= MOST_FILES:
            return
        with suppress(TypeError, OSError):  # a descriptor; a working folder that is gone
            path = Path(os.path.abspath(os.fsdecode(arguments[0])))
            if path.is_relative_to(self._folder) and self._is_fixed(path):
                self._found.add(str(path.relative_to(self._folder)))

    def _is_fixed(self, path: Path) -> bool:
        if any(map(path.is_relative_to, self._left_out)) or path.suffix == ".lock":
            return False
        parts = path.relative_to(self._folder).parts
        return not any(part.startswith((".", "__pycache__")) for part in parts)


class Overwriting:
    """Compares the files of a machine's jobs that have run at the same time."""

    def __init__(self) -> None:
        self._ended: deque[tuple[float, frozenset[str]]] = deque(maxlen=MOST_JOBS)
        self._is_said = False

    def remark(self, began: float, files: frozenset[str]) -> str:
        """Return a sentence, once, where a job that ends has overwritten the file of another.

        Args:
            began: when the job was handed out (``time.monotonic()``).
            files: see :meth:`OverwrittenFiles.take`.
        """
        shared = sorted(self._shared(began, files))
        if files:
            self._ended.append((time.monotonic(), files))
        if not shared or self._is_said:
            return ""
        self._is_said = True
        return (
            f"{shared[0]}: two jobs have written it at the same time, and may have read each "
            "other's; write into the job's output folder (hydra.job.chdir=true does), or take "
            "hydra.sweeper.n_jobs=1"
        )

    def _shared(self, began: float, files: frozenset[str]) -> Iterator[str]:
        for ended, others in self._ended:
            if ended > began:
                yield from files & others
