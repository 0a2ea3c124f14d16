from typing import Any

import optuna
import pytest

from besom.common.errors import ConfigError
from besom.search.algorithms.options import (
    AshaPruner,
    HyperbandPruner,
    MedianPruner,
    NoPruner,
    PatientPruner,
    ThresholdPruner,
)
from besom.search.algorithms.pruners import make_pruner


def last_step(pruner: optuna.pruners.BasePruner, values: list[float]) -> int:
    """Return at which step a trial with these values ends; seven trials before it had 1 to 7."""
    # Hyperband chooses brackets by the study's name; some prune nothing before the end.
    study = optuna.create_study(pruner=pruner, study_name="study")
    for level in range(1, 8):
        trial = study.ask()
        for step in range(1, 10):
            trial.report(float(level), step)
            trial.should_prune()
        study.tell(trial, float(level))
    trial = study.ask()
    for step, value in enumerate(values, start=1):
        trial.report(value, step)
        if trial.should_prune():
            return step
    return len(values) + 1


@pytest.mark.parametrize(
    ("options", "good", "bad"),
    [
        (MedianPruner(n_startup_trials=2), [0.5] * 9, [9.0] * 9),
        (AshaPruner(reduction_factor=3), [0.5] * 9, [9.0] * 9),
        (HyperbandPruner(max_resource=9), [0.5] * 9, [9.0] * 9),
        (
            PatientPruner(patience=2),
            [9.0 - step for step in range(9)],
            [1.0 + step for step in range(9)],
        ),
        (ThresholdPruner(upper=5), [0.5] * 9, [9.0] * 9),
    ],
)
def test_prunes_the_bad_and_not_the_good(options: Any, good: list[float], bad: list[float]) -> None:
    assert last_step(make_pruner(options), good) == 10
    assert last_step(make_pruner(options), bad) < 10


def test_none_prunes_nothing() -> None:
    assert last_step(make_pruner(NoPruner()), [99.0] * 9) == 10


@pytest.mark.parametrize(
    "options",
    [
        ThresholdPruner(),
        AshaPruner(min_resource=0),
        PatientPruner(patience=-1),
        HyperbandPruner(max_resource="many"),
        HyperbandPruner(max_resource=0),
        MedianPruner(interval_steps=0),
    ],
)
def test_refuses_values_that_make_no_pruner(options: Any) -> None:
    with pytest.raises(ConfigError, match=f"pruner={options.name}"):
        make_pruner(options)
