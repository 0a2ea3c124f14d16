"""When a search has reached what; the searches themselves run in ``make bench``."""

import pytest

from benchmarks.search import Search, _proposals, _rows
from benchmarks.table import text
from benchmarks.trials import Trial

LOOP = Search(
    started=1000.0,
    seconds=90.0,
    ended=[Trial(0.70, 0.80, 1030.0), Trial(0.85, 0.853, 1060.0), Trial(0.85, 0.855, 1090.0)],
)


@pytest.mark.parametrize(("target", "seconds"), [(0.8, 30.0), (0.853, 60.0), (0.9, None)])
def test_a_target_is_reached_when_the_first_good_trial_has_ended(
    target: float, seconds: float | None
) -> None:
    assert LOOP.reached(target) == seconds


def test_the_target_is_the_loops_best_less_the_margin() -> None:
    ours = Search(started=2000.0, seconds=9.0, ended=[Trial(0.84, 0.852, 2004.0)])
    seed, summary, whole = _rows([(ours, LOOP)])
    assert (seed.ours, seed.peer) == ([4.0], [60.0])
    assert summary.figure == 15.0 and summary.reached
    assert whole.figure == 10.0


def test_a_side_that_never_gets_there_has_missed_the_goal() -> None:
    ours = Search(started=2000.0, seconds=9.0, ended=[Trial(0.84, 0.84, 2004.0)])
    seed, summary, _ = _rows([(ours, LOOP)])
    assert seed.figure == 0 and "never reached" in seed.note
    assert summary.reached is False and "1 of 1 seeds never reached it" in summary.note
    assert "never" in text([summary])


def test_proposals_begin_with_the_baseline_and_repeat_with_the_seed() -> None:
    first, *others = _proposals(4, seed=1)
    assert (first.vocab_size, first.units) == (10_000, 32)
    assert len(others) == 3 and _proposals(4, seed=1) == [first, *others]
    assert _proposals(4, seed=2) != [first, *others]
