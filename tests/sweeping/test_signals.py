"""What signals do, in a process of their own where they end it."""

import os
import signal
import subprocess
import sys

import pytest

from besom.sweeping.signals import ending_after, handled_by

TWICE = """
import os, signal
from besom.sweeping.signals import ending_after
with ending_after():
    os.kill(os.getpid(), signal.SIGINT)
    print("goes on", flush=True)
    os.kill(os.getpid(), signal.SIGTERM)
    print("goes on too long", flush=True)
"""


def test_signals_are_handled_inside_the_block_only() -> None:
    received: list[int] = []
    before = signal.getsignal(signal.SIGINT)
    with handled_by(received.append):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
    assert received == [2, 15]
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_takes_effect_when_the_block_ends(number: int, code: int) -> None:
    went_on = False
    with pytest.raises(SystemExit) as ended, ending_after():
        os.kill(os.getpid(), number)
        went_on = True
    assert went_on
    assert ended.value.code == code


def test_an_error_in_the_block_is_shown_all_the_same() -> None:
    with pytest.raises(ZeroDivisionError), ending_after():
        os.kill(os.getpid(), signal.SIGINT)
        raise ZeroDivisionError


def test_a_second_signal_does_not_wait() -> None:
    ended = subprocess.run([sys.executable, "-c", TWICE], capture_output=True, text=True)
    assert (ended.returncode, ended.stdout, ended.stderr) == (143, "goes on\n", "")
