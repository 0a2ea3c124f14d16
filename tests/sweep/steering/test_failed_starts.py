"""When a worker that failed to start is started again, and when failures end the sweep."""

import pytest

from besom.common.errors import SweepFailed
from besom.sweep.steering.failed_starts import LONGEST_PAUSE, FailedStarts


def test_pauses_grow_up_to_a_minute_and_the_first_task_ends_them() -> None:
    starts = FailedStarts()
    pauses = []
    for _ in range(2000):
        starts.failed(0, now=0.0)
        pauses.append(
            next(s for s in (1, 2, 4, 8, 16, 32, LONGEST_PAUSE) if starts.may_start(0, s))
        )
    assert pauses[:8] == [1, 2, 4, 8, 16, 32, 60, 60] and set(pauses[8:]) == {60}
    assert not starts.may_start(0, 59.0) and starts.may_start(1, 0.0)
    starts.begun(0)
    assert starts.may_start(0, 0.0)


def test_one_sentence_is_said_for_all_until_they_have_started() -> None:
    starts = FailedStarts()
    assert [starts.failed(worker, 0.0) for worker in (0, 1, 0, 1, 0, 1, 0)] == [
        *([False] * 4),
        True,  # the third failure of worker 0
        *([False] * 2),
    ]
    for worker in (0, 1):
        starts.begun(worker)
    assert [starts.failed(1, 0.0) for _ in range(3)] == [False, False, True]


def test_only_starts_in_a_row_without_any_task_end_a_sweep() -> None:
    starts = FailedStarts()
    for _ in range(5):
        starts.failed_without_tasks(2, "no")
    starts.failed(0, 0.0)  # while a task runs: the count is reset
    for _ in range(5):
        starts.failed_without_tasks(2, "no")
    starts.begun(1)
    for _ in range(5):
        starts.failed_without_tasks(2, "no")
    with pytest.raises(SweepFailed, match="no"):
        starts.failed_without_tasks(2, "no")
