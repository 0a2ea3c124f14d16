"""Tests that the figures show what was recorded."""

import pytest

from tests.results.report.conftest import Book, many


def test_the_history_shows_each_trial_by_its_state(book: Book) -> None:
    page = book.page()
    drawn = {
        name: (page.trace("history-figure", name)["x"], page.trace("history-figure", name)["y"])
        for name in ("complete", "pruned", "baseline", "best", "best so far")
    }
    assert drawn == {
        "complete": ([3], [0.7]),
        "pruned": ([2], [0.5]),
        "baseline": ([0], [0.8]),
        "best": ([1], [0.85]),
        "best so far": ([0, 1, 3], [0.8, 0.85, 0.85]),
    }


def test_less_is_better_where_it_is_minimised() -> None:
    book = Book(objective="loss", direction="minimize")
    for number, loss in enumerate([0.5, 0.7, 0.2]):
        book.trial(number, {"n": number}, {"loss": [loss]})
    page = book.page()
    assert page.trace("history-figure", "best")["y"] == [0.2]
    assert page.trace("history-figure", "best so far")["y"] == [0.5, 0.2, 0.2]


def test_all_curves_are_one_trace_the_objective_first(book: Book) -> None:
    page = book.page()
    others = page.trace("curves-0", "other trials")
    assert others["x"] == [1, None, 1, 2, None, None]
    assert others["y"] == [0.5, None, 0.6, 0.7, None, None]
    assert others["customdata"] == ["2", "2", "3", "3", "3", "4"]
    assert page.trace("curves-0", "baseline")["y"] == [0.7, 0.8, None]
    assert page.trace("curves-1", "best")["y"] == [0.5, 0.3, None]


def test_a_slice_for_each_parameter(book: Book) -> None:
    page = book.page()
    complete = page.trace("slice-0", "complete")
    assert dict(zip(complete["x"], complete["y"], strict=True)) == {32: 0.8, 64: 0.85, 16: 0.7}
    assert page.data("slice-1-data")["layout"]["xaxis"]["ticktext"] == ["adam", "sgd"]


def test_a_slice_lies_as_it_was_searched_and_says_who_is_left_out() -> None:
    book = Book(space={"model": "choice(gru,lstm)", "lr": "tag(log,interval(0.001,0.03))"})
    for number, (name, lr) in enumerate([("gru", 0.001), ("lstm", 0.01), ("lstm", 0.003)]):
        params = {"model": name, "model.name": name, "lr": lr}
        book.trial(number, params, {"val_accuracy": [0.5]}, "pruned" if number > 1 else "complete")
    page = book.page()
    titles = [page.data(f"slice-{n}-data")["layout"]["xaxis"]["title"]["text"] for n in (0, 1)]
    assert titles == ["model", "lr"] and "slice-2" not in page.html
    assert page.trace("slice-1", "complete")["x"] == pytest.approx([-3, -2])
    assert "1 pruned trial is left out" in page.text


def test_what_decides_most_comes_first() -> None:
    page = many(120).page()
    bars = page.data("importances-figure-data")
    keys, shares = bars["layout"]["yaxis"]["ticktext"], bars["data"][0]["x"]
    assert set(keys[-2:]) == {"model.units", "training.learning_rate"}
    assert shares == sorted(shares) and sum(shares) == pytest.approx(1)
    assert page.data("slice-0-data")["layout"]["xaxis"]["title"]["text"] == keys[-1]


def test_few_trials_have_no_importances(book: Book) -> None:
    page = book.page()
    assert "3 complete trials: importances need 10" in page.text


def test_parallel_lines_end_at_the_value(book: Book) -> None:
    page = book.page()
    baseline = page.trace("parallel-figure", "baseline")
    assert baseline["x"] == [0, 1, 2, None]
    assert baseline["y"] == pytest.approx([(32 - 8) / 56, 0, 2 / 3, None])
    assert page.trace("parallel-figure", "best quarter")["customdata"] == ["1"] * 4
    assert page.trace("parallel-figure", "the other half")["customdata"] == ["3"] * 4


def test_a_parameter_that_a_trial_lacks_is_below_its_axis() -> None:
    book = Book()
    for number in range(4):
        params = {"depth": number} | ({"momentum": number} if number % 2 else {})
        book.trial(number, params, {"val_accuracy": [0.5 + number / 10]})
    page = book.page()
    assert min(page.trace("parallel-figure", "baseline")["y"][:-1]) < 0
    assert page.trace("slice-1", "complete")["x"] == [1, 3]


@pytest.fixture
def confirmed(book: Book) -> Book:
    values = {0: [0.8, 0.79, 0.81], 1: [0.84, 0.82, 0.83], 3: [0.7, 0.75, 0.72]}
    for number, found in values.items():
        for place, accuracy in enumerate(found):
            book.confirmation(number, 1000 + place, accuracy)
    book.conclude("Trial 1 beats the baseline.", values, challenger=1)
    return book


def test_a_confirmation_shows_every_seed(confirmed: Book) -> None:
    page = confirmed.page()
    figure = page.data("seeds-values-data")
    assert [trace["x"] for trace in figure["data"][::2]] == [
        [0.8, 0.79, 0.81],
        [0.84, 0.82, 0.83],
        [0.7, 0.75, 0.72],
    ]
    assert figure["layout"]["yaxis"]["ticktext"] == ["baseline", "trial 1", "trial 3"]
    ends = [trace["x"][0] + trace["error_x"]["array"][0] for trace in figure["data"][1::2]]
    least = min(trace["x"][0] - trace["error_x"]["arrayminus"][0] for trace in figure["data"][1::2])
    low, high = figure["layout"]["xaxis"]["range"]
    assert low < least < max(ends) < high and (high - low) < 1.2 * (max(ends) - least)
    row = page.row("trial 1")
    assert row[1:4] == ["0.84", "0.82", "0.83"] and row[4].startswith("0.83 (")


def test_the_judged_difference_has_the_interval_of_the_verdict(confirmed: Book) -> None:
    page = confirmed.page()
    assert page.row("trial 1")[-1] == "+0.03 (+0.0123 to +0.0456)"
    figure = page.data("seeds-differences-data")
    assert figure["data"][0]["x"] == pytest.approx([0.04, 0.03, 0.02])
    bar = figure["data"][1]["error_x"]
    assert bar["arrayminus"] == pytest.approx([0.03 - 0.0123])


def test_equal_values_fill_no_axis_that_is_far_wider(book: Book) -> None:
    book.conclude("No spread.", {0: [0.935] * 3, 1: [0.935] * 3}, challenger=1)
    page = book.page()
    low, high = page.data("seeds-values-data")["layout"]["xaxis"]["range"]
    assert 0.8 < low < 0.935 < high < 1.1
    assert page.row("baseline")[4] == "0.935 (all seeds equal)"


def test_confirmations_are_no_trials(confirmed: Book) -> None:
    page = confirmed.page()
    assert "5 trials" in page.text
    assert set(page.data("labels")) == {"0", "1", "2", "3", "4"}
