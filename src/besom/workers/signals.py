"""Handles Ctrl-C and similar signals."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from threading import Timer
from types import FrameType

from besom.common.stdout import say

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

MAX_TIDY_SECONDS = 1.5
"""Seconds within which a program that has not begun its work must end by itself."""


@contextmanager
def handled_by(handle: Callable[[int], None]) -> Iterator[None]:
    """Call ``handle`` with the number of each SIGINT, SIGTERM and SIGHUP inside this block.

    SIGHUP stays ignored if ``nohup`` asks for that.
    """

    def call(number: int, frame: FrameType | None) -> None:
        handle(number)

    before = {number: signal.signal(number, call) for number in ENDING}
    if before[signal.SIGHUP] == signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def quitting_after(tidy: Callable[[], None]) -> Iterator[None]:
    """Call ``tidy`` inside this block before SIGQUIT, a terminal's Ctrl-\\, ends the process."""

    def call(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGQUIT, signal.SIG_DFL)
        tidy()
        os.kill(os.getpid(), signal.SIGQUIT)

    before = signal.signal(signal.SIGQUIT, call)
    try:
        yield
    finally:
        signal.signal(signal.SIGQUIT, before)


@contextmanager
def stopping_between(
    leave: Callable[[], object], come_back: Callable[[], object]
) -> Iterator[None]:
    """Call ``leave`` inside this block before SIGTSTP, a terminal's Ctrl-Z, stops the process, and
    ``come_back`` when it goes on."""

    def call(number: int, frame: FrameType | None) -> None:
        leave()
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)  # returns when it goes on
        signal.signal(signal.SIGTSTP, call)
        come_back()

    before = signal.signal(signal.SIGTSTP, call)
    try:
        yield
    finally:
        signal.signal(signal.SIGTSTP, before)


@contextmanager
def ending_after() -> Iterator[None]:
    """Raise SystemExit at the end of this block if a signal came: 130, 143 or 129, as in shells.

    It is not raised at once: what is raised while large packages are imported is swallowed and
    printed if it hits the callback of a weak reference. If the block and the clean-up take longer
    than ``MAX_TIDY_SECONDS``, or a second signal comes, the process ends as it is. A message that
    says how to go on is printed at once.
    """
    received: list[int] = []
    timers: list[Timer] = []

    def remember(number: int) -> None:
        if received:
            os._exit(128 + number)
        received.append(number)
        say("besom: stopped; the same command resumes the sweep")
        timers.append(Timer(MAX_TIDY_SECONDS, os._exit, (128 + number,)))
        timers[0].daemon = True
        timers[0].start()

    try:
        with handled_by(remember):
            yield
    except BaseException:  # leave time to read the error
        for timer in timers:
            timer.cancel()
        raise
    if received:
        raise SystemExit(128 + received[0])


@contextmanager
def signals_held() -> Iterator[None]:
    """Delay Ctrl-C until the end of this block; a child inherits the mask, and never gets it."""
    resource_tracker.ensure_running()  # starting it later would unblock the signals
    held = set(ENDING)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, held)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
