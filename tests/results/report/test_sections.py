"""Tests the tables of failures, configurations and environments."""

from besom.tracking import schema
from tests.results.report.conftest import Book


def test_failures_are_told_by_their_cause(book: Book) -> None:
    page = book.page()
    assert page.row("ValueError: too much") == ["ValueError: too much", "1", "4", "failed"]
    assert page.row("its worker was killed") == ["its worker was killed", "1", "3", "dead"]
    assert "Traceback of small/004" in page.text and "in train" in page.text


def test_many_causes_are_cut_short() -> None:
    book = Book()
    book.trial(0, {"n": 0}, {"val_accuracy": [0.5]})
    for number in range(1, 39):
        error = f"ValueError: {number}" if number > 13 else "ValueError: same"
        book.trial(number, {"n": number}, {}, "failed", **{schema.ERROR: error})
    page = book.page()
    assert page.row("ValueError: same")[1:3] == ["13", "1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 3 more"]
    assert "… and 6 more causes" in page.text  # 26 causes in all, 20 shown
    causes = [row for row in page.rows if row[0].startswith("ValueError: ")]
    assert len(causes) == 20


def test_a_study_without_failures_says_nothing_of_them() -> None:
    book = Book()
    book.trial(0, {"n": 0}, {"val_accuracy": [0.5]})
    assert "failures" not in book.page().sections


def test_configurations_differ_where_they_are_marked(book: Book) -> None:
    page = book.page()
    assert page.row("parameter") == ["parameter", "trial 1", "baseline", "searched"]
    rows = [row for row in page.rows if row[0] == "units"]
    assert rows[-1] == ["units", "≠ 64", "32", "range(8,65,step=8)"]
    assert page.row("seed") == ["seed", "0", "0", ""]


def test_the_best_that_is_the_baseline_is_shown_once() -> None:
    book = Book()
    book.trial(0, {"n": 0}, {"val_accuracy": [0.9]})
    book.trial(1, {"n": 1}, {"val_accuracy": [0.5]})
    page = book.page()
    assert page.row("parameter") == ["parameter", "baseline", "searched"]
    assert "No trial did better than the baseline: val_accuracy 0.9." in page.text


def test_importances_of_trials_with_equal_parameters() -> None:
    book = Book()
    for number in range(12):
        book.trial(number, {"n": 1}, {"val_accuracy": [0.5 + number / 100]})
    book.trial(12, {"n": 2}, {"val_accuracy": [0.4]}, "pruned")
    assert "No parameter sets the best of the complete trials apart" in book.page().text


def test_surroundings_that_changed_are_counted(book: Book) -> None:
    for place, run in enumerate(book.found):
        run.tags[schema.COMMIT] = "abc" if place < 4 else "def"  # type: ignore[index]
        run.tags[schema.PYTHON] = "3.11.9"  # type: ignore[index]
    book.texts[book.found[1].run_id, schema.PACKAGES_FILE] = (
        "keras==3.15.1\nnumpy==2.4.6\nzope==1\n"
    )
    page = book.page()
    assert page.row("commit") == ["commit", "abc (4 runs); def (2 runs)"]
    assert page.row("Python") == ["Python", "3.11.9"]
    assert page.row("packages") == ["packages", "keras 3.15.1, numpy 2.4.6"]
    assert "All 3 packages" in page.text
