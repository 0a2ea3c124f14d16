"""Counts this process's cores, and controls its garbage collection and Ctrl-C during imports."""

import gc
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


def cores() -> int:
    """Return how many cores this process may use, or how many exist if the system does not say."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def uncollected() -> Iterator[None]:
    """Switch garbage collection off inside the block, which makes many objects.

    Otherwise it would take two thirds of the time in which a large study is read.
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
    """Switch garbage collection off while the block imports ``module``, unless it is imported.

    The import then takes three quarters of the time. Afterwards the new objects are in the oldest
    generation, which is collected rarely. This is left out where the application has frozen objects
    of its own, since it would thaw them.
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
    """Make Ctrl-C end the ``besom`` command at once and silently while it imports the rest.

    An exception in the middle of an import would be printed, or lost. A program that imports Besom
    handles its signals itself.
    """
    command = os.path.basename(sys.argv[0]) if sys.argv else ""
    if command == "besom" and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)


def raise_at_interrupt() -> None:
    """Make Ctrl-C raise KeyboardInterrupt again."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _end(number: int, frame: FrameType | None) -> None:
    os._exit(128 + number)
