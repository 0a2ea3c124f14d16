import io

import pytest
from rich.console import Console

from besom.common.terminal.time_left import TimeLeft
from besom.search.objective import read_objective
from besom.search.trial_row import TrialRow
from besom.sweep.progress import (
    MAX_BARS,
    LiveProgress,
    PlainProgress,
    Tally,
    describe,
    make_progress,
)


def shown(progress: LiveProgress, console: Console) -> str:
    return "".join(part.text for part in console.render(progress._render()))


MAXIMIZE = read_objective("accuracy", "maximize")


def row(number: int, state: str = "complete", value: float = 0.5, **notes: object) -> TrialRow:
    return TrialRow(number, {"model.units": 64}, state, (value,), notes)


def test_the_tally_counts_and_keeps_the_best() -> None:
    tally = Tally(10, MAXIMIZE, [row(0, value=0.7)], TimeLeft(1))
    for added in (row(1, value=0.9), row(2, "pruned", 0.95), row(3, "failed"), row(4, value=0.8)):
        tally.add(added, None)
    assert tally.n_done == 5
    assert tally.line().startswith("5/10 done  1 pruned  1 failed  best 0.9 (trial 1)")


def test_of_equal_trials_the_best_is_the_lowest_whenever_it_ends() -> None:
    tally = Tally(3, MAXIMIZE, [], TimeLeft(1))
    for number in (2, 1, 3):
        tally.add(row(number, value=0.9), None)
    assert tally.line().endswith("best 0.9 (trial 1)")


def test_trials_that_would_begin_after_the_time_limit_are_not_counted() -> None:
    tally = Tally(500, MAXIMIZE, [row(0, seconds=10.0)], TimeLeft(1, clock=lambda: 100.0))
    assert tally.left() == "1 h 23 min left"
    tally.time_left.deadline = 125.0
    assert tally.left() == "30 s left"


def test_once_all_trials_have_ended_only_a_confirmation_takes_time() -> None:
    now = [0.0]
    tally = Tally(2, MAXIMIZE, [], TimeLeft(1, clock=lambda: now[0]), n_confirmations=4)
    for number in range(2):
        tally.time_left.started(0)
        now[0] += 10.0
        tally.add(row(number), 0)
        whole = {0: "50 s left", 1: "confirmation: about 40 s"}
        assert tally.left() == whole[number]


def test_the_last_line_of_a_terminal_holds_no_time_left() -> None:
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=120)
    now = [0.0]
    tally = Tally(2, MAXIMIZE, [], TimeLeft(1, clock=lambda: now[0]), n_confirmations=4)
    with make_progress(console, tally) as progress:
        progress.started(0, "trial 0")
        now[0] = 5.0
        tally.add(row(0), 0)
        progress.ended(0, "trial 0  complete")
        assert isinstance(progress, LiveProgress)
        assert "25 s left" in shown(progress, console)  # one trial and four confirmations
    assert "1/2 done" in shown(progress, console) and "left" not in shown(progress, console)


@pytest.mark.parametrize(("width", "bar"), [(80, 10), (120, 16)])
def test_a_bar_gives_way_to_the_parameters(width: int, bar: int) -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=width)
    with make_progress(console, Tally(3, MAXIMIZE, [], TimeLeft(1))) as progress:
        progress.started(0, "trial   3  model=fasttext learning_rate=0.003819")
        progress.expects(0, 3)
        progress.reported(0, 3, 0.8123)
        assert isinstance(progress, LiveProgress)
        line = shown(progress, console).splitlines()[0].rstrip()
    wanted = f"worker 0  trial   3  model=fasttext learning_rate=0.003819 {'━' * bar} 3/3 0.8123"
    assert line == wanted and len(line) <= width


def test_what_has_begun_is_counted_where_fewer_trials_are_asked_for_now() -> None:
    begun = [row(5, "running"), row(6, "running")]
    tally = Tally(5, MAXIMIZE, [*map(row, range(5)), *begun], TimeLeft(1))
    assert tally.line().startswith("5/7 done")


def test_a_file_receives_one_plain_line_for_each_trial() -> None:
    file, tally = io.StringIO(), Tally(3, MAXIMIZE, [], TimeLeft(1))
    with make_progress(Console(file=file), tally) as progress:
        assert type(progress) is PlainProgress
        progress.started(0, "trial 0")
        progress.expects(0, 3)
        progress.reported(0, 1, 0.1)
        tally.add(row(0), 0)
        progress.ended(0, "trial 0  [complete]")
        progress.unfinished(0, "trial 1  its worker was killed by SIGKILL")
    lines = file.getvalue().splitlines()
    assert lines == [
        "trial 0  [complete]  [1/3]",
        "trial 1  its worker was killed by SIGKILL",
    ]
    assert "\x1b" not in file.getvalue()


def test_a_terminal_shows_a_bar_for_each_worker_and_the_counts() -> None:
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=120)
    with make_progress(console, Tally(3, MAXIMIZE, [], TimeLeft(1))) as progress:
        assert type(progress) is LiveProgress
        progress.started(0, "trial 0")
        progress.started(1, "trial 1")
        progress.expects(1, 10)
        progress.reported(1, 4, 0.8123)
        shown = "".join(str(s.text) for s in console.render(progress._render()))
        progress.expects(1, 20)  # as in the next fold
        assert "4/20" in "".join(str(s.text) for s in console.render(progress._render()))
    assert "worker 0" in shown and "worker 1" in shown
    assert "4/10" in shown and "0.8123" in shown and "0/3 done" in shown


def test_a_hundred_workers_do_not_get_a_hundred_bars() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    tally = Tally(200, MAXIMIZE, [], TimeLeft(1))
    with make_progress(console, tally) as progress:
        for worker in range(100):
            progress.started(worker, "trial")
            progress.expects(worker, 10)
            progress.reported(worker, 1, 0.5)
            tally.add(row(worker), worker)
            progress.ended(worker, "trial")
        assert isinstance(progress, LiveProgress)
        shown = "".join(str(s.text) for s in console.render(progress._render()))
    assert shown.count("worker ") == MAX_BARS
    assert "100/200 done" in shown


def test_a_trial_is_described_in_a_line() -> None:
    assert describe(row(0, role="baseline")).endswith("baseline")
    assert describe(row(7)) == "trial   7  complete  0.5       units=64"
    assert "same as trial 0" in describe(row(2, reused=0))
    assert describe(row(3, "failed", error="ValueError: no")).endswith("ValueError: no")
