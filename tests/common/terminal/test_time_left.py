"""The estimate of the time left, compared with simulated sweeps whose length is known."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import pytest

from besom.common.terminal.time_left import MOST_PLACED, TimeLeft


@dataclass
class Jobs:
    """A simulated sweep: ``n`` jobs on workers, then ``n_after`` jobs that are never pruned."""

    n: int
    n_workers: int
    seconds: Callable[[Random], float]
    steps: int = 0
    part: Callable[[Random, int], float] | None = None
    """The share of a job that is done, by the job's number, if jobs may be pruned."""
    n_after: int = 0
    compiling: tuple[float, float] = 0.0, 0.0
    """The least and the most extra seconds of a first step; the ``n_after`` jobs take the least."""

    def ratio(self, seed: int, n_ended: int) -> float:
        """Return the estimate after ``n_ended`` jobs, divided by the true time that was left."""
        random, now, left = Random(seed), [0.0], self.n
        time_left = TimeLeft(self.n_workers, self.part is not None, lambda: now[0])
        events: list[tuple[float, int, int, bool]] = []

        def start(worker: int) -> None:
            number, whole = self.n - left, self.seconds(random)
            part = self.part(random, number) if self.part else 1.0
            time_left.started(worker)
            if self.steps:
                time_left.expects(worker, self.steps)
            begun = now[0] + random.uniform(*self.compiling)
            for step in range(1, round(part * self.steps) + 1):
                at = begun + whole * step / self.steps
                heapq.heappush(events, (at - 1e-6, worker, step, False))
            heapq.heappush(events, (begun + whole * part, worker, 0, part == 1))

        for worker in range(self.n_workers):
            start(worker)
            left -= 1
        told, told_at, ended = 0.0, 0.0, 0
        while events:
            now[0], worker, step, is_whole = heapq.heappop(events)
            if step:
                time_left.reported(worker, step)
                continue
            time_left.ended(worker, is_whole)
            ended += 1
            if left:
                start(worker)
                left -= 1
            if ended == n_ended:
                told, told_at = time_left.seconds(left, self.n_after) or 0.0, now[0]
        free = [now[0]] * self.n_workers
        for _ in range(self.n_after):
            heapq.heapreplace(free, free[0] + self.compiling[0] + self.seconds(random))
        return told / (max(free) - told_at)


def equal(random: Random) -> float:
    return 10.0


def unequal(random: Random) -> float:
    return 10 * random.lognormvariate(0, 0.5)


def by_median(random: Random, number: int) -> float:
    """Prune none of the first five jobs, and half of the others."""
    return 1.0 if number < 5 or random.random() < 0.5 else random.randint(1, 4) / 8


def short(random: Random) -> float:
    return random.uniform(0.5, 2)


def at_the_first_step(random: Random, number: int) -> float:
    """Prune none of the first five jobs, and all others after their first step, which compiles."""
    return 1.0 if number < 5 else 1 / 8


def by_halving(random: Random, number: int) -> float:
    """Prune six of nine jobs after one step, two after three, and neither one nor the baseline."""
    return random.choice([1 / 9] * 6 + [3 / 9] * 2 + [1.0]) if number else 1.0


SWEEPS = {
    "equal trials": Jobs(20, 1, equal),
    "equal trials, two workers": Jobs(20, 2, equal, steps=8),
    "unequal trials, with confirmations": Jobs(30, 4, unequal, steps=8, n_after=20),
    "unequal trials without steps": Jobs(40, 4, unequal),
    "a median pruner": Jobs(20, 2, equal, 8, by_median),
    "a median pruner, with confirmations": Jobs(12, 2, unequal, 8, by_median, n_after=20),
    "steps that are short once compiled": Jobs(
        12, 2, short, 8, at_the_first_step, n_after=20, compiling=(2, 10)
    ),
    "successive halving": Jobs(60, 4, equal, 9, by_halving),
    "successive halving, with confirmations": Jobs(60, 2, unequal, 9, by_halving, n_after=20),
}


@pytest.mark.parametrize("n_ended", [3, 10])
@pytest.mark.parametrize("sweep", SWEEPS.values(), ids=SWEEPS)
def test_after_three_trials_it_is_right_within_a_factor_of_two(sweep: Jobs, n_ended: int) -> None:
    """Three trials are a small sample, so a few of a hundred sweeps may be estimated worse."""
    ratios = [sweep.ratio(seed, n_ended) for seed in range(100)]
    assert sum(0.5 <= ratio <= 2 for ratio in ratios) >= 95, sorted(ratios)
    assert 0.75 < sorted(ratios)[50] < 1.33


def test_nothing_is_told_before_anything_is_known() -> None:
    left = TimeLeft(2, clock=iter([0.0, 5.0, 6.0, 6.0]).__next__)
    left.started(0)
    assert left.seconds(3) is None
    left.expects(0, 4)
    left.reported(0, 1)
    assert left.seconds(1) == pytest.approx(24)  # the first job needs 18 s more, the next 24


def test_the_first_step_is_no_measure_of_the_others() -> None:
    left = TimeLeft(1, clock=iter([0.0, 20.0, 21.0, 21.5]).__next__)
    left.started(0)
    left.expects(0, 10)
    left.reported(0, 1)
    left.reported(0, 2)
    assert left.seconds(0) == pytest.approx(7.5)


def test_what_earlier_processes_did_is_known() -> None:
    left = TimeLeft(2, clock=lambda: 0.0)
    left.know(whole=[10.0, 10.0])
    assert left.seconds(4) == 20


def test_a_lost_job_is_no_example() -> None:
    left = TimeLeft(1, clock=iter([0.0, 0.0, 8.0, 8.0]).__next__)
    left.started(0)
    left.left(0)
    left.started(0)
    left.ended(0)
    assert left.seconds(1) == 8 and left.n_running == 0


def test_jobs_that_take_no_time_count_as_such() -> None:
    left = TimeLeft(1, clock=lambda: 0.0)
    left.know(whole=[10.0])
    left.ended(None)  # its value was known
    assert left.seconds(2) == 10


def test_a_million_jobs_are_told_at_once() -> None:
    left = TimeLeft(10, clock=lambda: 0.0)
    left.know(whole=[1.0])
    assert left.seconds(1_000_000) == pytest.approx(100_000, rel=10 / MOST_PLACED)


def test_after_a_time_limit_no_job_is_begun() -> None:
    """Of a thousand jobs of ten seconds, each of the two workers starts three within 25 s."""
    left = TimeLeft(2, clock=lambda: 0.0, deadline=25.0)
    left.know(whole=[10.0])
    assert left.seconds(1000) == 30
    assert left.seconds(4) == 20
    assert left.seconds(1000, n_again=4) == 50
    left.deadline = -1.0
    assert left.seconds(1000) == 0
    left.started(0)
    assert left.seconds(1000) == 10
