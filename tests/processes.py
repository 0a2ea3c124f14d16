"""Finds processes of this machine, waits for conditions, and sends signals."""

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


def wait_for(condition: Callable[[], object], seconds: float = 90) -> None:
    """Poll until ``condition`` holds; fail after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


@dataclass(frozen=True)
class Process:
    """A process, as ``/proc/PID/stat`` describes it."""

    pid: int
    name: str
    state: str
    parent: int
    session: int


def processes() -> list[Process]:
    """Return all processes except zombies."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            name, _, rest = (folder / "stat").read_text().partition("(")[2].rpartition(")")
        except OSError:
            continue
        fields = rest.split()
        found.append(Process(int(folder.name), name, fields[0], int(fields[1]), int(fields[3])))
    return [process for process in found if process.state != "Z"]


def having(variable: str) -> list[int]:
    """Return the ids of processes that were started with ``NAME=VALUE`` in their environment.

    A process that :mod:`tests.warm` forks is not found: its /proc shows the server's environment.
    """
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if variable.encode() in (folder / "environ").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def workers_of(supervisor: int) -> list[int]:
    """Return the process ids of a supervisor's living workers: its children that lead a session."""
    return [p.pid for p in processes() if p.parent == supervisor and p.session == p.pid]


def sleepers(supervisor: int) -> list[int]:
    """Return the ids of the ``sleep`` processes that a supervisor's workers have started."""
    workers = workers_of(supervisor)
    return [p.pid for p in processes() if p.name == "sleep" and p.parent in workers]


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def kill(pid: int, number: signal.Signals = signal.SIGKILL) -> None:
    os.kill(pid, number)
