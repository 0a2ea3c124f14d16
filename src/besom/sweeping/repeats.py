"""Proposals that repeat a configuration: which one they repeat, and when its value is known."""

from collections.abc import Iterable, Mapping
from typing import Any

from besom.sweeping.study import TrialRow

Key = frozenset[tuple[str, Any]]


class Repeats:
    """Knows the completed configurations, and keeps proposals that equal one in training."""

    def __init__(self, rows: Iterable[TrialRow]) -> None:
        self._complete: dict[Key, TrialRow] = {}
        self._waiting: list[TrialRow] = []
        for row in rows:
            self.learn(row)

    def learn(self, row: TrialRow) -> None:
        """A trial has ended: the first complete one of its configuration is the one to repeat."""
        if row.state == "complete":
            self._complete.setdefault(_key(row.params), row)

    def twin(self, row: TrialRow) -> TrialRow | None:
        """The completed trial that this one repeats."""
        return self._complete.get(_key(row.params))

    def wait_for(self, row: TrialRow, training: Iterable[TrialRow]) -> bool:
        """Keep the proposal if an equal one is in training; whether it was kept."""
        if all(_key(other.params) != _key(row.params) for other in training):
            return False
        self._waiting.append(row)
        return True

    def release(self, row: TrialRow) -> list[TrialRow]:
        """The proposals that waited for this trial, which has ended somehow."""
        released = [kept for kept in self._waiting if _key(kept.params) == _key(row.params)]
        self._waiting = [kept for kept in self._waiting if kept not in released]
        return released


def _key(params: Mapping[str, Any]) -> Key:
    return frozenset(params.items())
