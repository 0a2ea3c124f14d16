"""Shared by all tests: an environment without the tester's own settings, and the command line."""

import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr
from dataclasses import dataclass
from pathlib import Path

import pytest

from besom import cli

os.environ.pop("HYDRA_FULL_ERROR", None)

# absl, TensorFlow's logging, keeps the stderr it finds when it is imported, and closes it when
# Hydra sets up logging, unless it is the true one. Pytest's must stay open.
with redirect_stderr(sys.__stderr__):
    import absl.logging  # noqa: F401


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


Command = Callable[..., Ended]


@pytest.fixture
def besom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Command:
    """The ``besom`` command, run in this process and in an empty working folder."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> Ended:
        code = cli.main(words)
        return Ended(code, *capfd.readouterr())

    return run


@pytest.fixture(autouse=True)
def own_logging() -> Iterator[None]:
    """Hydra sets up logging for a whole process; give it back as it was."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
