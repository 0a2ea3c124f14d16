"""Processes of this machine: which there are, and what is waited for of them."""

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


def wait_for(condition: Callable[[], object], seconds: float = 90) -> None:
    """Poll until ``condition`` holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


@dataclass(frozen=True)
class Process:
    """A line of /proc."""

    pid: int
    name: str
    state: str
    parent: int
    session: int


def processes() -> list[Process]:
    """All that are not already dead and waiting for their parent."""
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
    """Process ids of those that have been started with ``NAME=VALUE`` in their environment.

    One that was forked, as :mod:`tests.warm` has it, is not found: that of its server shows.
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
    """Process ids of a supervisor's living workers: its children that lead a session."""
    return [p.pid for p in processes() if p.parent == supervisor and p.session == p.pid]


def sleepers(supervisor: int) -> list[int]:
    """What its workers' tasks have started."""
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
