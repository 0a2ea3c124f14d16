"""Finds proposals that repeat an earlier trial."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from besom.search.trial_row import TrialRow

_Key = frozenset[tuple[str, Any]]


class Duplicates:
    """Knows the complete trials by their points, and keeps proposals that equal one in training."""

    def __init__(self, rows: Iterable[TrialRow]) -> None:
        self._complete: defaultdict[_Key, list[TrialRow]] = defaultdict(list)
        self._training: Counter[_Key] = Counter()
        self._waiting: defaultdict[_Key, list[TrialRow]] = defaultdict(list)
        for row in rows:
            self.learn(row)

    def learn(self, row: TrialRow) -> None:
        """A trial has ended: a complete one may be repeated."""
        if row.state == "complete" and row.counts:
            self._complete[_key(row.params)].append(row)

    def began(self, row: TrialRow) -> None:
        """A worker trains this configuration from now on."""
        self._training[_key(row.params)] += 1

    def stopped(self, row: TrialRow) -> None:
        """That worker has stopped, however that went."""
        self._training[_key(row.params)] -= 1

    def complete(self, row: TrialRow) -> Sequence[TrialRow]:
        """The complete trials of an equal proposal, the first one first."""
        return self._complete.get(_key(row.params), ())

    def wait(self, row: TrialRow) -> bool:
        """Keep the proposal if an equal one is in training; whether it was kept."""
        key = _key(row.params)
        if not self._training[key]:
            return False
        self._waiting[key].append(row)
        return True

    def release(self, row: TrialRow) -> list[TrialRow]:
        """The proposals that waited for this trial, which has ended somehow."""
        return self._waiting.pop(_key(row.params), [])


def _key(params: Mapping[str, Any]) -> _Key:
    return frozenset(params.items())
