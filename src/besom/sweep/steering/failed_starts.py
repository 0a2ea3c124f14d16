"""Counts workers that do not start. Ends a sweep in which none does; else has them wait."""

from collections import Counter

from besom.common.errors import SweepFailed

MAX_FAILED_STARTS = 3
"""Failed starts in a row, for each worker, after which a sweep ends if no task runs. A start has
failed if the worker is gone before its task was called."""
LONGEST_PAUSE = 60.0
"""Most seconds from a failed start to the next one of this worker."""


class FailedStarts:
    """Counts failed starts in a row, of each worker and of all.

    While tasks run, what fails may be a single node of many: the others go on, and the worker is
    started again after a pause, which is doubled with each failed start.
    """

    def __init__(self) -> None:
        self._n_without_tasks = 0
        self._in_a_row: Counter[int] = Counter()
        self._not_before: dict[int, float] = {}

    def begun(self, worker: int) -> None:
        """Note that a task of this worker was called."""
        self._n_without_tasks = 0
        del self._in_a_row[worker]
        self._not_before.pop(worker, None)

    def may_start(self, worker: int, now: float) -> bool:
        """Return whether a worker that has exited may be started at ``now``, in seconds."""
        return now >= self._not_before.get(worker, now)

    def failed(self, worker: int, now: float) -> bool:
        """Count a failed start while tasks of other workers run, and set the pause.

        Return whether to say so: this worker is the first that has failed ``MAX_FAILED_STARTS``
        times.
        """
        self._n_without_tasks = 0
        is_told = max(self._in_a_row.values(), default=0) >= MAX_FAILED_STARTS
        self._in_a_row[worker] += 1
        n_failed = self._in_a_row[worker]
        self._not_before[worker] = now + min(LONGEST_PAUSE, 2.0 ** min(n_failed - 1, 9))
        return n_failed >= MAX_FAILED_STARTS and not is_told

    def failed_without_tasks(self, n_workers: int, why: str) -> None:
        """Count a failed start while no task runs.

        Raises:
            SweepFailed: ``why``, if as many in a row have failed as ``n_workers`` may.
        """
        self._n_without_tasks += 1
        if self._n_without_tasks >= MAX_FAILED_STARTS * n_workers:
            raise SweepFailed(why)
