"""Runs commands as a user does, and times them from start to end."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from besom.common.errors import UserError
from besom.rnn.data import imdb

CHECKOUT = Path(__file__).resolve().parents[1]
BESOM = str(Path(sys.executable).with_name("besom"))


class CommandFailed(UserError):
    """Raised when a command of a benchmark fails; the message ends with its last lines."""


@dataclass(frozen=True)
class Ended:
    """A command that has succeeded.

    Attributes:
        started: seconds since 1970.
        seconds: from start to end.
        lines: the printed lines, each with its seconds since the start.
    """

    started: float
    seconds: float
    lines: Sequence[tuple[float, str]]


def module(name: str, *arguments: str) -> list[str]:
    """Return the words of ``python -m NAME ARGUMENTS``."""
    return [sys.executable, "-m", name, *arguments]


def reviews() -> dict[str, str]:
    """Return the environment variable that names the file of IMDb reviews, for all sides.

    Keras downloads a missing file.

    Raises:
        besom.common.errors.DataError: the file is missing and cannot be downloaded.
    """
    return {"BESOM_IMDB_PATH": str(imdb.find(None))}


def run(words: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None) -> Ended:
    """Run a command in ``folder``, with ``benchmarks`` importable, on this process's cores.

    Raises:
        CommandFailed: its exit code is not 0.
    """
    variables = {**os.environ, "PYTHONPATH": str(CHECKOUT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    started, clock = time.time(), time.perf_counter()
    lines = []
    with subprocess.Popen(
        words,
        cwd=folder,
        env=variables | dict(environment or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append((time.perf_counter() - clock, line.rstrip()))
    seconds = time.perf_counter() - clock
    if process.returncode:
        last = "\n".join(line for _, line in lines[-20:])
        raise CommandFailed(f"{' '.join(words)}: exit code {process.returncode}\n{last}")
    return Ended(started, seconds, lines)
