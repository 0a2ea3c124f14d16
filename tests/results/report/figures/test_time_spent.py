"""Tests where the time went, derived only from starts, reports and ends."""

import pytest

from besom.results.report.figures.time_spent import (
    IDLE,
    LOST,
    SAVING,
    SETTING_UP,
    STARTING,
    TRAINING,
    Attempt,
    Timeline,
    read_timeline,
)
from tests.results.report.conftest import EPOCH, SET_UP, Book
from tests.results.report.conftest import SAVING as SAVED


def attempt(start: float, end: float, marks: list[float], broken: bool = False) -> Attempt:
    return Attempt("trial 1", "1", "0", start, end, marks, broken)


def test_the_first_epoch_counts_as_one_and_the_rest_as_setting_up() -> None:
    assert attempt(0, 10, [5, 6, 7, 9]).phases(usual=0) == [
        (SETTING_UP, 0, 4),
        (TRAINING, 4, 9),
        (SAVING, 9, 10),
    ]


@pytest.mark.parametrize(("usual", "began"), [(3, 3), (8, 5)])
def test_a_single_epoch_takes_what_setting_up_usually_takes(usual: float, began: float) -> None:
    assert attempt(0, 6, [5]).phases(usual)[:2] == [(SETTING_UP, 0, began), (TRAINING, began, 5)]


def test_without_reports_all_is_training() -> None:
    assert attempt(0, 6, []).phases(usual=2) == [(TRAINING, 0, 6)]


def test_what_was_lost_is_lost() -> None:
    assert attempt(0, 6, [2, 3], broken=True).phases(usual=2) == [(LOST, 0, 6)]


def test_the_time_of_each_worker_adds_up(book: Book) -> None:
    timeline = read_timeline(book.report())
    assert timeline.workers == ["0", "1"]
    for worker in timeline.workers:
        assert sum(timeline.spent(worker).values()) == pytest.approx(timeline.length)
    spent = timeline.spent("0")
    assert spent[STARTING] == pytest.approx(2)
    # Worker 0: trial 0 with two epochs, trial 2 with one, and trial 4, which failed at once.
    assert spent[SETTING_UP] == pytest.approx(2 * SET_UP)
    assert spent[TRAINING] == pytest.approx(3 * EPOCH)
    assert spent[SAVING] == pytest.approx(2 * SAVED)
    assert spent[LOST] == pytest.approx(SET_UP + SAVED)
    assert spent[IDLE] > 0


def test_reused_results_take_no_time(book: Book) -> None:
    before = len(read_timeline(book.report()).attempts)
    book.trial(5, {"units": 32}, {"val_accuracy": [0.7, 0.8]}, worker=None)
    assert len(read_timeline(book.report()).attempts) == before


def test_a_pause_is_cut_out() -> None:
    book = Book()
    book.trial(0, {"n": 0}, {"val_accuracy": [0.5, 0.6]})
    book.clocks[0] += 3600
    book.trial(1, {"n": 1}, {"val_accuracy": [0.5, 0.6]})
    timeline = read_timeline(book.report())
    one_trial = SET_UP + 2 * EPOCH + SAVED
    assert len(timeline.sessions) == 2
    assert timeline.length == pytest.approx(2 + 2 * one_trial)
    assert timeline.offset(timeline.attempts[1].start) == pytest.approx(2 + one_trial)
    assert "was not running" in book.page().text


def test_a_fact_of_the_whole_run_is_no_epoch() -> None:
    book = Book()
    run_id = book.trial(0, {"n": 0}, {"val_accuracy": [0.5, 0.6]})
    first = book.history[0]
    book.history.append(type(first)(run_id, "n_weights", 0, 1e6, first.at - SET_UP))
    (found,) = read_timeline(book.report()).attempts
    assert len(found.marks) == 2


def test_workers_are_in_the_order_of_their_numbers() -> None:
    found = [Attempt("", "", str(worker), 0, 1, [], False) for worker in (10, 9, 2)]
    assert Timeline(found, [(0, 1)]).workers == ["2", "9", "10"]


def test_bars_lie_where_the_time_went(book: Book) -> None:
    page = book.page()
    training = page.trace("timeline", TRAINING)
    assert training["customdata"] == ["0", "1", "2", "3"]
    assert training["base"][0] == pytest.approx(2 + SET_UP)
    assert training["x"] == pytest.approx([2 * EPOCH, 2 * EPOCH, EPOCH, 2 * EPOCH])
    assert training["hovertext"][3] == "trial 3, attempt 2: training 2.0 s"
    assert page.row("all")[2].startswith("12 s (")
