"""Facts and settings of this process: its cores, garbage collection, Ctrl-C during imports."""

import gc
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


def cores() -> int:
    """How many cores this process may use, where the system tells; else how many there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def uncollected() -> Iterator[None]:
    """Make many objects without Python looking through all of them for garbage, again and again.

    That would take two thirds of the time in which a large study is read.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@contextmanager
def importing(module: str) -> Iterator[None]:
    """Import ``module``, unless it is there, in three quarters of the time: uncollected.

    What was made counts as old afterwards: it is looked through as seldom as if it had been there
    for long. Not so where the application has frozen objects of its own, which that would thaw.
    """
    if module in sys.modules:
        yield
        return
    with uncollected():
        try:
            yield
        finally:
            if not gc.get_freeze_count():
                gc.freeze()
                gc.unfreeze()  # into the oldest generation


def end_at_interrupt() -> None:
    """Have Ctrl-C end the ``besom`` command at once, without a word, while it imports the rest.

    What is raised in the midst of an import is printed, or swallowed. A program that imports Besom
    handles its signals itself.
    """
    command = os.path.basename(sys.argv[0]) if sys.argv else ""
    if command == "besom" and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)


def raise_at_interrupt() -> None:
    """From here on Ctrl-C raises KeyboardInterrupt again."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _end(number: int, frame: FrameType | None) -> None:
    os._exit(128 + number)
