"""Makes requests to a sweep that is killed at random, and notes what came of them.

If the supervisor is killed during a request, the command waits for the next supervisor.
"""

import json
import random
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from besom.common.errors import BesomError
from besom.sweep.steering.requests import (
    ENQUEUE,
    SET,
    STOP_TRIAL,
    ask,
    steering_folder,
)
from besom.sweep.steering.state_file import running_trials

NEAR_THE_END = 15
"""The number of last trials during which ``n_trials`` is not changed: it cannot become less than
the number of trials that have begun."""


@dataclass
class Asked:
    """The requests to a sweep, by what it answered.

    Attributes:
        n_trials: the number of trials, as it was set last.
        points: the points that were enqueued.
        unsure: points of requests that a supervisor had taken when it was killed; the next one may
            have had no trial left for them.
        stopped: the trials that were stopped.
        n_refused: the number of requests that came too late, or found no supervisor.
    """

    n_trials: int
    points: list[float] = field(default_factory=list)
    unsure: list[float] = field(default_factory=list)
    stopped: list[int] = field(default_factory=list)
    n_sets: int = 0
    n_refused: int = 0

    @property
    def n_done(self) -> int:
        return len(self.points) + len(self.stopped) + self.n_sets


class Steerer:
    """Makes one request at a time, in a thread, so that kills do not wait for the answer."""

    def __init__(self, root: Path, study: str, n_trials: int, chance: random.Random) -> None:
        self.asked = Asked(n_trials)
        self._folder = steering_folder(root, study)
        self._lock = (root, study)
        self._chance = chance
        self._thread: threading.Thread | None = None

    def ask(self, n_ended: int) -> None:
        """Make a random request, once the one before it has been answered."""
        self.join()
        kind = self._chance.choice([ENQUEUE, SET, STOP_TRIAL])
        if kind == SET and n_ended > self.asked.n_trials - NEAR_THE_END:
            kind = ENQUEUE
        self._thread = threading.Thread(target=self._ask, args=(kind, self._chance.random()))
        self._thread.start()

    def join(self) -> None:
        if self._thread:
            self._thread.join()

    def _ask(self, kind: str, luck: float) -> None:
        try:
            if kind == ENQUEUE:
                is_sure = self._do(ENQUEUE, words=[f"x={luck!r}"])
                (self.asked.points if is_sure else self.asked.unsure).append(luck)
            elif kind == SET:
                n_trials = self.asked.n_trials + round(luck * 10) - 5
                self._do(SET, n_trials=n_trials, n_jobs=2 + round(luck * 6))
                self.asked.n_trials, self.asked.n_sets = n_trials, self.asked.n_sets + 1
            elif trials := running_trials(self._folder):
                is_sure = self._do(STOP_TRIAL, trial=trials[-1])
                self.asked.stopped += [trials[-1]] if is_sure else []
        except BesomError:
            self.asked.n_refused += 1

    def _do(self, kind: str, **arguments: Any) -> bool:
        """Make a request; return whether its outcome is known."""
        return "has accepted it" not in ask(self._folder, self._lock, kind, **arguments)


def put_request(root: Path, study: str, kind: str, **arguments: Any) -> None:
    """Write a request as a command leaves it that has ended before the answer."""
    folder = steering_folder(root, study)
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{time.time_ns():020d}-put"
    request = {"id": name, "kind": kind, "to": "any", "arguments": arguments}
    (folder / f"{name}.request").write_text(json.dumps(request))
