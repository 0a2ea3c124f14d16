"""In which order all tables have their trials."""

import random

from besom.search.ranking import best_first
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
