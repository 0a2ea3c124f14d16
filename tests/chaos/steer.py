"""Requests among the blows: what is asked of a sweep that is killed at random, and what came of it.

A request and a kill of the supervisor may come together; the command then waits for the next one.
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
"""Trials before the end, in which ``n_trials`` is not changed: fewer than have begun are as many
as have begun."""


@dataclass
class Asked:
    """What a sweep was asked for beside its command, where it said that it does it.

    Attributes:
        n_trials: as set last; each is a number that has not begun.
        points: that were enqueued.
        unsure: points of requests that a supervisor had taken as it was killed: the next one may
            have had no trial to come.
        stopped: trials that a person has stopped.
        n_refused: requests that came too late, or found nobody.
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
    """Asks, one request at a time, in a thread that a kill does not wait for."""

    def __init__(self, root: Path, study: str, n_trials: int, chance: random.Random) -> None:
        self.asked = Asked(n_trials)
        self._folder = steering_folder(root, study)
        self._lock = (root, study)
        self._chance = chance
        self._thread: threading.Thread | None = None

    def ask(self, n_ended: int) -> None:
        """Ask for something; the answer is waited for before the next is asked."""
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
        """Whether it is known what came of it."""
        return "has accepted it" not in ask(self._folder, self._lock, kind, **arguments)


def put_request(root: Path, study: str, kind: str, **arguments: Any) -> None:
    """A request as a command leaves it that was ended before there was an answer."""
    folder = steering_folder(root, study)
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{time.time_ns():020d}-put"
    request = {"id": name, "kind": kind, "to": "any", "arguments": arguments}
    (folder / f"{name}.request").write_text(json.dumps(request))
