"""Ctrl-C while the ``besom`` command imports the rest of itself ends it at once, without a word.

What is raised in the midst of an import is printed, or swallowed. A program that imports Besom
handles its signals itself.
"""

import os
import signal
import sys
from types import FrameType


def interruptible() -> None:
    """From here on Ctrl-C raises KeyboardInterrupt."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _end(number: int, frame: FrameType | None) -> None:
    os._exit(128 + number)


_command = os.path.basename(sys.argv[0]) if sys.argv else ""
if _command == "besom" and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, _end)
