"""Signal handling; signals that end a process are sent to a subprocess."""

import os
import signal
import subprocess
import sys

import pytest

from besom.workers.signals import ending_after, handled_by

TWICE = """
import os, signal
from besom.workers.signals import ending_after
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


SAID = "besom: stopped; the same command resumes the sweep\n"

ONCE = """
import os, time
from besom.workers.signals import ending_after
with ending_after():
    os.kill(os.getpid(), {number})
    print("goes on", flush=True)
    time.sleep({seconds})
"""


@pytest.mark.parametrize(
    ("number", "seconds"), [(signal.SIGINT, 0), (signal.SIGTERM, 0), (signal.SIGHUP, 60)]
)
def test_a_signal_takes_effect_when_the_block_ends_or_soon(number: int, seconds: int) -> None:
    words = [sys.executable, "-c", ONCE.format(number=int(number), seconds=seconds)]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=30)
    assert (ended.returncode, ended.stdout, ended.stderr) == (128 + number, "goes on\n", SAID)


def test_an_error_in_the_block_is_shown_all_the_same() -> None:
    with pytest.raises(ZeroDivisionError), ending_after():
        os.kill(os.getpid(), signal.SIGINT)
        raise ZeroDivisionError


def test_a_second_signal_does_not_wait() -> None:
    ended = subprocess.run([sys.executable, "-c", TWICE], capture_output=True, text=True)
    assert (ended.returncode, ended.stdout, ended.stderr) == (143, "goes on\n", SAID)


STOPPED = """
import os, signal
from besom.workers.signals import stopping_between
with stopping_between(lambda: print("shown", flush=True), lambda: print("hidden", flush=True)):
    os.kill(os.getpid(), signal.SIGTSTP)
    print("goes on")
"""


def test_a_process_that_is_stopped_tidies_up_before_and_again_when_it_goes_on() -> None:
    words = [sys.executable, "-c", STOPPED]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, process_group=0) as process:
        assert process.stdout and process.stdout.readline() == "shown\n"
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        process.send_signal(signal.SIGCONT)
        assert process.stdout.read() == "hidden\ngoes on\n"
    assert process.returncode == 0


@pytest.mark.parametrize("program", ["besom", "other"])
def test_ctrl_c_while_the_command_imports_itself_ends_it_without_a_word(program: str) -> None:
    script = f"import sys; sys.argv = ['/bin/{program}']; import besom.cli.main, os, signal; "
    words = [sys.executable, "-c", script + "os.kill(os.getpid(), signal.SIGINT)"]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=30)
    assert (ended.returncode == 130) is (program == "besom")
    assert ("KeyboardInterrupt" in ended.stderr) is (program == "other")
