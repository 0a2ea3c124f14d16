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
"""Seconds that a program takes at most to end by itself where it has not begun its work."""


@contextmanager
def handled_by(handle: Callable[[int], None]) -> Iterator[None]:
    """Inside this block SIGINT, SIGTERM and SIGHUP call ``handle`` with their number.

    SIGHUP stays ignored where ``nohup`` asks for that.
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
    """Inside this block SIGQUIT, a terminal's Ctrl-\\, ends the process as ever, after ``tidy``."""

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
    """Inside this block SIGTSTP, a terminal's Ctrl-Z, stops the process as ever, but in order."""

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
    """The signals raise SystemExit when this block ends: 130, 143 or 129, as shells have it.

    Not at once: what is raised while large packages are imported is swallowed and printed wherever
    it hits the callback of a weak reference. Where that, and what is tidied up then, takes longer
    than ``MAX_TIDY_SECONDS``, and at a second signal, the process ends as it is. How to go on is
    said at once.
    """
    received: list[int] = []
    timers: list[Timer] = []

    def remember(number: int) -> None:
        if received:
            os._exit(128 + number)
        received.append(number)
        say("besom: stopped; the same command goes on")
        timers.append(Timer(MAX_TIDY_SECONDS, os._exit, (128 + number,)))
        timers[0].daemon = True
        timers[0].start()

    try:
        with handled_by(remember):
            yield
    except BaseException:  # it is to be read
        for timer in timers:
            timer.cancel()
        raise
    if received:
        raise SystemExit(128 + received[0])


@contextmanager
def signals_held() -> Iterator[None]:
    """Ctrl-C meanwhile reaches this process later; the child, which inherits the mask, never."""
    resource_tracker.ensure_running()  # to start it later would let them through
    held = set(ENDING)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, held)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
