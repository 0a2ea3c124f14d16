"""One supervisor a study: the second is told who the first is."""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from besom.errors import StudyError


@contextmanager
def one_at_a_time(root: Path) -> Iterator[None]:
    """Wait for the other sweeps that are just starting below ``root``: tables are made once."""
    folder = root / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".start").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def only_supervisor(root: Path, study: str) -> Iterator[None]:
    """Hold the study's lock; the kernel lets go of it however this process ends.

    Raises:
        StudyError: another process holds it; names host, process and start.
    """
    folder = root / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{study}.json").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise StudyError(
                f"the study `{study}` is being swept already, {file.read().strip()}.\n"
                "Wait for it, end it, or give this one another name."
            ) from None
        file.truncate(0)
        now = datetime.now().astimezone().isoformat(timespec="seconds")
        file.write(f"by process {os.getpid()} on {socket.gethostname()} since {now}\n")
        file.flush()
        yield
