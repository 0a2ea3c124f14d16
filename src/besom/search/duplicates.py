"""Finds proposals that repeat an earlier trial."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from besom.search.trial_row import TrialRow

_Key = frozenset[tuple[str, Any]]


class Duplicates:
    """The complete trials by their points, and the proposals that wait for an equal one to end."""

    def __init__(self, rows: Iterable[TrialRow]) -> None:
        self._complete: defaultdict[_Key, list[TrialRow]] = defaultdict(list)
        self._training: Counter[_Key] = Counter()
        self._waiting: defaultdict[_Key, list[TrialRow]] = defaultdict(list)
        for row in rows:
            self.learn(row)

    def learn(self, row: TrialRow) -> None:
        """Take up an ended trial: a later proposal may repeat a complete one that counts."""
        if row.state == "complete" and row.counts:
            self._complete[_key(row.params)].append(row)

    def began(self, row: TrialRow) -> None:
        """Note that a worker now trains this configuration."""
        self._training[_key(row.params)] += 1

    def stopped(self, row: TrialRow) -> None:
        """Note that the worker no longer trains it, whether or not the trial succeeded."""
        self._training[_key(row.params)] -= 1

    def complete(self, row: TrialRow) -> Sequence[TrialRow]:
        """Return the complete trials with the same point, the first one first."""
        return self._complete.get(_key(row.params), ())

    def wait(self, row: TrialRow) -> bool:
        """Keep the proposal if an equal one is in training, and return whether it was kept."""
        key = _key(row.params)
        if not self._training[key]:
            return False
        self._waiting[key].append(row)
        return True

    def release(self, row: TrialRow) -> list[TrialRow]:
        """Remove and return the proposals that waited for this trial, which has ended."""
        return self._waiting.pop(_key(row.params), [])


def _key(params: Mapping[str, Any]) -> _Key:
    return frozenset(params.items())
