"""Estimates how long jobs on several workers will still take."""

import heapq
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

PRUNED_PART = 0.35
"""The share of a whole job that a job takes on average if it may be pruned; an assumption."""
PRIOR_WEIGHT = 3
"""The number of assumed jobs of that length that are added to the observed ones."""
OVERDUE_PART = 1.5
"""The factor from the time that a job without steps has taken to its whole length, once it has
taken longer than is usual."""
MOST_PLACED = 200
"""The number of jobs that are placed on workers one by one; further jobs are spread evenly."""


@dataclass
class _Running:
    """A job that runs in a worker."""

    since: float
    steps: int | None = None
    first: tuple[float, int] | None = None
    last: tuple[float, int] | None = None
    """The times of its first and last report, each with the number of steps done."""

    def whole(self) -> float | None:
        """Return the time from its start to its last step; None where it is not known.

        The first step often loads and compiles, and so says nothing about the others.
        """
        if not (self.steps and self.first and self.last):
            return None
        (start, done_first), (at, done) = self.first, self.last
        if done <= done_first:
            return None if done < self.steps else at - self.since
        a_step = (at - start) / (done - done_first)
        return at - self.since + a_step * max(0, self.steps - done)

    def by_its_first_step(self) -> float | None:
        """Estimate the same time from the first step alone; mostly too much."""
        if not (self.steps and self.first and self.first[1]):
            return None
        at, done = self.first
        return (at - self.since) * max(1.0, self.steps / done)

    @property
    def first_seconds(self) -> float:
        """The time to its first step; 0 before it has reported another."""
        has_others = self.first and self.last and self.last[1] > self.first[1]
        return self.first[0] - self.since if self.first and has_others else 0.0


@dataclass(frozen=True)
class _Whole:
    """The seconds of a whole job, and those of its first step; 0 where that is not known."""

    seconds: float
    first: float = 0.0

    def again(self, quickest: float) -> float:
        """Return the time of a repeat that compiles nothing: its first step takes ``quickest``."""
        return self.seconds - max(0.0, self.first - quickest)


@dataclass
class TimeLeft:
    """Learns from jobs that have ended, and from those that run, how long others will take.

    A running job counts by its steps, where it reports them: short jobs end before long ones, and
    alone they would make the estimate too low. Where jobs are pruned, the first jobs that end are
    rarely pruned ones, and alone they would make it too high. The first step often loads and
    compiles, so a job that is pruned there does not show how long a whole job takes.

    Args:
        n_workers: the number of jobs at the same time.
        may_prune: whether jobs may end before their last step.
        clock: returns seconds; for tests.
        deadline: a time of this clock; after it no new jobs are started, except repeats.

    Examples:
        >>> left = TimeLeft(n_workers=2, clock=iter([0.0, 4.0, 4.0]).__next__)
        >>> left.started(0)
        >>> left.ended(0)
        >>> left.seconds(n_jobs=4)
        8.0
    """

    n_workers: int
    may_prune: bool = False
    clock: Callable[[], float] = time.monotonic
    deadline: float = math.inf
    _taken: list[float] = field(default_factory=list)
    _whole: list[_Whole] = field(default_factory=list)
    _only_first: list[float] = field(default_factory=list)
    _running: dict[int, _Running] = field(default_factory=dict)

    def know(self, whole: Iterable[float], pruned: Iterable[float] = ()) -> None:
        """Learn from the times in seconds of jobs that have ended before."""
        self._whole += map(_Whole, whole)
        self._taken += [*(job.seconds for job in self._whole), *pruned]

    @property
    def n_running(self) -> int:
        """The number of jobs that have been started and have not ended."""
        return len(self._running)

    def started(self, worker: int) -> None:
        """Note that a worker begins a job."""
        self._running[worker] = _Running(self.clock())

    def expects(self, worker: int, steps: int) -> None:
        """Note how many steps a worker's job has."""
        if worker in self._running:
            self._running[worker].steps = steps

    def reported(self, worker: int, step: int) -> None:
        """Note how many steps a worker's job has done."""
        if job := self._running.get(worker):
            job.last = self.clock(), step
            job.first = job.first or job.last

    def left(self, worker: int) -> None:
        """Forget a worker's job that broke off and will be done again."""
        self._running.pop(worker, None)

    def ended(self, worker: int | None, whole: bool = True) -> None:
        """Note that a worker's job has ended; a job without a worker has taken no time."""
        job = self._running.pop(worker, None) if worker is not None else None
        now = self.clock()
        taken = now - job.since if job else 0.0
        self._taken.append(taken)
        if job and (seconds := taken if whole else job.whole()):
            self._whole.append(_Whole(seconds, job.first_seconds))
        elif job and job.first:
            self._only_first.append(job.first[0] - job.since)

    def seconds(self, n_jobs: int, n_again: int = 0) -> float | None:
        """Return the seconds until all jobs are done; None where nothing is known yet.

        Args:
            n_jobs: jobs that are still to be started, beside those that run.
            n_again: whole repeats of some of these jobs, which start when all of these have ended.
        """
        now, jobs = self.clock(), [*self._running.values()]
        totals = [job.whole() for job in jobs]
        if not self._whole and not any(totals):
            totals = [job.by_its_first_step() for job in jobs]
        running = [(now - job.since, total) for job, total in zip(jobs, totals, strict=True)]
        firsts = [job.first_seconds for job in jobs]
        seen = [_Whole(total, first) for total, first in zip(totals, firsts, strict=True) if total]
        if not (whole := self._known_whole(seen)):
            return None
        usual = self._usual(_mean([job.seconds for job in whole]), running)
        rest = [self._rest(*job, usual) for job in running]
        first = _makespan(rest, n_jobs, usual, self.n_workers, self.deadline - now)
        quickest = min((job.first for job in whole if job.first), default=0.0)
        again = _mean([job.again(quickest) for job in whole])
        return first + _makespan([], n_again, again, self.n_workers)

    def _known_whole(self, running: list[_Whole]) -> list[_Whole]:
        """Return whole jobs; those that ended at their first step are scaled up like the others."""
        whole = [*self._whole, *running]
        with_first = [job for job in whole if job.first]
        if with_first:
            ratio = sum(job.seconds for job in with_first) / sum(job.first for job in with_first)
            whole += [_Whole(first * ratio, first) for first in self._only_first]
        return whole or [*map(_Whole, self._taken)]

    def _usual(self, whole: float, running: list[tuple[float, float | None]]) -> float:
        """Return the mean length of a job to come, from jobs that have ended and that run."""
        seen = [*self._taken]
        usual = _mean(seen or [whole])
        for taken, total in running:
            if total is not None:
                seen.append(max(taken, PRUNED_PART * total) if self.may_prune else total)
            elif taken >= usual:
                seen.append(taken * OVERDUE_PART)
        if self.may_prune:
            seen += [PRUNED_PART * whole] * PRIOR_WEIGHT
        return _mean(seen)

    def _rest(self, taken: float, total: float | None, usual: float) -> float:
        """Return how long a running job will still take."""
        if total is None:
            return max(usual - taken, (OVERDUE_PART - 1) * min(usual, taken))
        return max(0.0, total - taken) / (2 if self.may_prune else 1)


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _makespan(
    rest: list[float], n_jobs: int, usual: float, n_workers: int, within: float = math.inf
) -> float:
    """Return when the last worker is done, if each takes the next job as soon as it is free."""
    free = rest + [0.0] * (n_workers - len(rest))
    heapq.heapify(free)
    for _ in range(min(n_jobs, MOST_PLACED)):
        if free[0] >= within:
            return max(free)
        heapq.heapreplace(free, free[0] + usual)
    beyond = max(0, n_jobs - MOST_PLACED) * usual / len(free)
    return max(free) + max(0.0, min(beyond, within + usual - max(free)))
