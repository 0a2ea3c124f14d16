"""Many more inputs than in every check, and others each time."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

TOP = Path(__file__).parents[3]


def test_many_more_inputs_are_run_or_refused() -> None:
    """What fails is printed with the input; put that into the file as an `@example`."""
    command = [sys.executable, "-m", "pytest", "tests/fuzz"]
    ended = subprocess.run(
        command, cwd=TOP, env=os.environ | {"BESOM_FUZZ": "20"}, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stdout[-20_000:]
