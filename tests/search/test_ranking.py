"""Tests the order of trials in all tables, and which of them are the best."""

import random

from besom.search.ranking import best_first, front
from besom.search.trial_row import TrialRow


def row(number: int, state: str, *values: float, **more: object) -> TrialRow:
    return TrialRow(number, {}, state, values, {}, **more)  # type: ignore[arg-type]


ORDERED = [
    row(4, "complete", 0.9),
    row(7, "complete", 0.9),
    row(1, "complete", 0.5),
    row(9, "complete", float("nan")),
    row(3, "complete", 0.99, infeasible="model_bytes 5, not <= 4"),
    row(2, "pruned", 0.8),
    row(0, "pruned", 0.7),
    row(6, "pruned"),
    row(11, "running"),
    row(5, "failed"),
    row(8, "failed"),
    row(10, "complete", 1.0, counts=False),
]


def value(trial: TrialRow) -> float | None:
    return trial.values[0] if trial.values else None


def test_complete_pruned_running_failed_of_other_code() -> None:
    shuffled = random.Random(0).sample(ORDERED, len(ORDERED))
    found = best_first(shuffled, value, "maximize")
    assert [trial.number for trial in found] == [trial.number for trial in ORDERED]


def test_less_is_better_where_it_is_minimized() -> None:
    found = best_first(ORDERED, value, "minimize")
    assert [trial.number for trial in found][:4] == [1, 4, 7, 9]
    assert [trial.number for trial in found][5:8] == [0, 2, 6]


def test_the_front_has_what_is_eligible_and_of_equal_trials_the_first() -> None:
    rows = [
        row(0, "complete", 3.0, 3.0),
        row(1, "complete", 1.0, 4.0),
        row(2, "complete", 4.0, 1.0),
        row(3, "complete", 1.0, 4.0),
        row(4, "complete", 0.0, 0.0, infeasible="size 9, not <= 4"),
        row(5, "complete", 0.0, 0.0, counts=False),
        row(6, "complete", 5.0, 5.0),
        row(7, "pruned"),
    ]
    both = ["minimize", "minimize"]
    assert [trial.number for trial in front(rows, lambda trial: trial.values, both)] == [0, 1, 2]
    single = front(rows, lambda trial: trial.values[:1], ["minimize"])
    assert [trial.number for trial in single] == [1]
    assert front(rows[4:6], lambda trial: trial.values, both) == []
