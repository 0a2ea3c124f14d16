"""What all fuzzing shares: how many inputs, how long and how large one may get, how it may end.

An input is either run or refused: with exit code 2, a message of ours in one to three lines, no
traceback, and nothing left behind.
"""

import io
import os
import resource
import shutil
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from hypothesis import HealthCheck, event, settings

from besom.cli import main
from besom.common.errors import UserError

FACTOR = int(os.environ.get("BESOM_FUZZ", "1"))
"""1: the same inputs each time; `make chaos` asks for more, and for others."""

SECONDS = 30.0
ROOM = 1 << 30
"""Bytes that an input may take."""
LONGEST_LINE = 1000
"""Characters. A message quotes what is wrong, not ten thousand characters of it."""


class Overrun(BaseException):
    """An input took too long. No `except Exception` on its way catches it."""


def examples(count: int) -> Callable[[Any], Any]:
    """So many inputs, times what the environment asks for."""
    return settings(
        max_examples=count * FACTOR,
        derandomize=FACTOR == 1,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


@contextmanager
def bounded(seconds: float = SECONDS, room: int = ROOM) -> Iterator[None]:
    """Fail where what happens inside takes longer, or more memory."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise Overrun(f"more than {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + room, hard))
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


def run(words: Sequence[str]) -> Ended:
    """The ``besom`` command in this process, its streams as strict as a terminal's."""
    out = io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True)
    err = io.TextIOWrapper(io.BytesIO(), "utf-8", "backslashreplace", write_through=True)
    with bounded(), redirect_stdout(out), redirect_stderr(err):
        try:
            code = main.main(words)
        except SystemExit as end:  # Hydra's --help, and the sweeper's refusals
            code = int(end.code or 0)
    texts = [stream.buffer.getvalue().decode() for stream in (out, err)]  # type: ignore[attr-defined]
    return Ended(code, *texts)


def is_plain(message: str) -> None:
    """A message that people read, in one to three lines."""
    lines = message.splitlines()
    assert 1 <= len(lines) <= 3, message
    assert lines[0].strip(), message
    assert all(len(line) <= LONGEST_LINE for line in lines), message
    assert message.replace("\n", "").isprintable(), repr(message)
    assert "Traceback" not in message, message


def run_or_refused(ended: Ended, left: Sequence[Path] = ()) -> bool:
    """Hold the promise; whether it was run.

    Args:
        left: what lies in the working folder now and did not before.
    """
    event("run" if ended.code == 0 else "refused")
    assert "Traceback" not in ended.out + ended.err, ended
    if ended.code == 0:
        return True
    assert ended.code == 2, ended
    assert ended.err.startswith("besom: "), ended
    is_plain(ended.err)
    # What Hydra alone can find out, about its own logging say, it finds in the job's folder.
    assert not left or "Hydra cannot start this" in ended.err, (left, ended)
    return False


def refused(error: UserError) -> None:
    """The same of an error that a command would print."""
    is_plain(str(error))


def emptied(folder: Path) -> Path:
    """A folder without what an input before has left in it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    os.chdir(folder)
    return folder
