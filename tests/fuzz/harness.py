"""What all fuzz tests share: the number of inputs, limits of time and memory, and how inputs end.

An input is either run, or refused with exit code 2, a message of Besom's in one to three lines, no
traceback, and no files left behind.
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
"""The factor of the number of inputs. With 1 the inputs are always the same, else random."""

SECONDS = 30.0
ROOM = 1 << 30
"""The most bytes that an input may take."""
LONGEST_LINE = 1000
"""In characters: a message may quote what is wrong, but not ten thousand characters of it."""


class Overrun(BaseException):
    """Raised when an input takes too long; no `except Exception` catches it."""


def examples(count: int) -> Callable[[Any], Any]:
    """Return hypothesis settings for ``count`` inputs, times the factor of the environment."""
    return settings(
        max_examples=count * FACTOR,
        derandomize=FACTOR == 1,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


@contextmanager
def bounded(seconds: float = SECONDS, room: int = ROOM) -> Iterator[None]:
    """Fail if the block takes more seconds, or more memory, than these."""

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
    """The exit code of a command, and what it printed."""

    code: int
    out: str
    err: str


def run(words: Sequence[str]) -> Ended:
    """Run ``besom`` in this process, with streams that encode as strictly as a terminal's."""
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
    """Assert that a message is readable, and one to three lines long."""
    lines = message.splitlines()
    assert 1 <= len(lines) <= 3, message
    assert lines[0].strip(), message
    assert all(len(line) <= LONGEST_LINE for line in lines), message
    assert message.replace("\n", "").isprintable(), repr(message)
    assert "Traceback" not in message, message


def run_or_refused(ended: Ended, left: Sequence[Path] = ()) -> bool:
    """Assert that an input was run or refused properly; return whether it was run.

    Args:
        left: the paths in the working folder that the command has created.
    """
    event("run" if ended.code == 0 else "refused")
    assert "Traceback" not in ended.out + ended.err, ended
    if ended.code == 0:
        return True
    assert ended.code == 2, ended
    assert ended.err.startswith("besom: "), ended
    is_plain(ended.err)
    # Hydra finds some mistakes, as in its own logging, only after it has made the job's folder.
    assert not left or "Hydra cannot start this" in ended.err, (left, ended)
    return False


def refused(error: UserError) -> None:
    """Assert that the message of an error, which a command would print, is readable."""
    is_plain(str(error))


def emptied(folder: Path) -> Path:
    """Empty ``folder`` of what an earlier input has left, and change to it; return it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    os.chdir(folder)
    return folder
