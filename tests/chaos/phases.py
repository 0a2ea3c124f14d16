"""The phases in which a supervisor is killed: just before or after it writes something."""

import functools
import os
import signal
from collections.abc import Callable
from typing import Any

from besom.search.study import Study
from besom.sweep.steering import steering
from besom.tracking.outbox.log import RunLog
from besom.tracking.outbox.outbox import Outbox
from besom.tracking.record import Record

BEFORE, AFTER = "before", "after"

PHASES: dict[str, tuple[Any, str, str]] = {
    "before ask": (Study, "ask", BEFORE),
    "after ask": (Study, "ask", AFTER),
    "before the run is created": (Record, "start_run", BEFORE),
    "after the run is created": (Record, "start_run", AFTER),
    "during a report": (Record, "metrics", BEFORE),
    "while saving": (Record, "file", AFTER),
    "before the last words": (Record, "prepare_end", BEFORE),
    "before tell": (Study, "tell", BEFORE),
    "after tell": (Study, "tell", AFTER),
    "before the run is closed": (Record, "end_run", BEFORE),
    "after the run is closed": (Record, "end_run", AFTER),
    "after a fact is kept with the study": (Study, "remember", AFTER),
    "after a log is begun": (Outbox, "open", AFTER),
    "after a fact is kept with a trial": (Study, "note", AFTER),
    "before a log is removed": (RunLog, "remove", BEFORE),
    "before a request is done": (steering.Steering, "_apply", BEFORE),
    "before a request is answered": (steering, "settle", BEFORE),
    "after a request is answered": (steering, "settle", AFTER),
    "before a confirmation is begun": (Study, "add", BEFORE),
    "after a confirmation is begun": (Study, "add", AFTER),
}
"""By name: the owner and name of a function, and whether the kill comes before or after it."""

OF_AN_END = ("before the last words", "before tell", "after tell", "before the run is closed")
"""The phases that happen once at the end of each trial, and then of each confirmation."""


def arm(order: str) -> None:
    """Make this process kill itself in a phase (``after tell@7``: the seventh time), if any."""
    if not order:
        return
    phase, _, count = order.rpartition("@")
    owner, name, when = PHASES[phase]
    setattr(owner, name, _deadly(getattr(owner, name), when, int(count)))


def _deadly(function: Callable[..., Any], when: str, count: int) -> Callable[..., Any]:
    left = count

    @functools.wraps(function)
    def wrapper(*arguments: Any, **named: Any) -> Any:
        nonlocal left
        left -= 1
        if left == 0 and when == BEFORE:
            os.kill(os.getpid(), signal.SIGKILL)
        result = function(*arguments, **named)
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return wrapper
