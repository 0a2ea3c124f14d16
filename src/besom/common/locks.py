"""Locks each study for one supervisor; a second one is told which process holds the lock."""

import fcntl
import os
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import IO

from besom.common.errors import StoreError, StudyError
from besom.common.files import make_private, private

TELLING_SECONDS = 1.0
LOOK_SECONDS = 0.3
"""A process that only checks whether a lock is held releases it within this time."""


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Wait for other sweeps that are opening a database in ``folder``: tables are made only once.

    Raises:
        StoreError: the lock is another user's.
    """
    with _opened(folder, ".start", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def only_supervisor(root: Path, study: str) -> Iterator[None]:
    """Hold the study's lock inside the block; the kernel releases it however this process ends.

    Raises:
        StudyError: another process holds it; the message names host, process and start.
        StoreError: the lock is another user's.
    """
    with _opened(root, f"{study}.json", "a+") as file:
        if not _taken(file):
            raise StudyError(
                f"the study `{study}` is being swept already, {_holder(file)}.\n"
                "Wait for it, end it, or give this one another name."
            )
        file.truncate(0)
        who = f"by process {os.getpid()} on {socket.gethostname()}"
        file.write(f"{who} since {datetime.now():%Y-%m-%d %H:%M}\n")
        file.flush()
        yield


def _taken(file: IO[str]) -> bool:
    """Try to lock the file, also while others that check the lock hold it for a moment."""
    deadline = time.monotonic() + LOOK_SECONDS
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)


def supervisor_of(root: Path, study: str) -> str:
    """Return ``by process 4711 on node-7 since …`` for the study's lock; empty where it is free.

    Where there is no lock file, none is made.

    Raises:
        StoreError: the lock is another user's.
    """
    path = root / "locks" / f"{study}.json"
    try:
        with open(path, encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return _holder(file)
    except FileNotFoundError:
        pass
    except PermissionError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}; ask as its user.") from error
    return ""


def _opened(root: Path, name: str, mode: str) -> IO[str]:
    path = root / "locks" / name
    try:
        others = _of_others(root)
        make_private(path.parent)
        with suppress(PermissionError):  # it is another user's
            path.parent.chmod(0o700 | others)
        file = open(path, mode, opener=private)  # noqa: SIM115  the callers close it
        with suppress(PermissionError):
            os.fchmod(file.fileno(), 0o600 | others & 0o066)
        return file
    except PermissionError as error:
        raise StoreError(
            f"{path} cannot be written ({error.strerror}): another user has swept here.\n"
            "Let the sweeps that share this folder run as one user, or give another folder."
        ) from error


def _of_others(folder: Path) -> int:
    """Return the permissions of other users who may write in a folder: they may lock there too."""
    mode = folder.stat().st_mode
    of_group = 0o070 | mode & 0o2000 if mode & 0o020 else 0
    of_world = 0o007 | mode & 0o1000 if mode & 0o002 else 0
    return of_group | of_world


def _holder(file: IO[str]) -> str:
    """Return which process holds a lock, as it wrote into the file.

    It writes a moment after it gets the lock; until then the file is empty or names the last one.
    """
    deadline = time.monotonic() + TELLING_SECONDS
    while True:
        file.seek(0)
        said = file.read().strip()
        told = re.match(r"by process (\d+) on (\S+) ", said)
        if told and (told[2] != socket.gethostname() or _lives(int(told[1]))):
            return said
        if time.monotonic() > deadline:
            return said or "by a process that has just begun"
        time.sleep(0.02)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's
        return True
    return True
