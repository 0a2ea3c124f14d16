"""Ctrl-C and its kin."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

ENDING = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def handled_by(handle: Callable[[int], None]) -> Iterator[None]:
    """Inside this block SIGINT and SIGTERM call ``handle`` with their number."""

    def call(number: int, frame: FrameType | None) -> None:
        handle(number)

    before = {number: signal.signal(number, call) for number in ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def ending_after() -> Iterator[None]:
    """SIGINT and SIGTERM raise SystemExit when this block ends: 130 or 143, as shells have it.

    Not at once: what is raised while large packages are imported is swallowed and printed wherever
    it hits the callback of a weak reference. A second signal does not wait: it ends the process
    as it is.
    """
    received: list[int] = []

    def remember(number: int) -> None:
        if received:
            os._exit(128 + number)
        received.append(number)

    with handled_by(remember):
        yield
    if received:
        raise SystemExit(128 + received[0])
