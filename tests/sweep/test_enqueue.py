"""``hydra.sweeper.enqueue``: the user's points are tried first, each once."""

from pathlib import Path

import pytest

from besom.search.trial_row import ENQUEUED
from tests.sweep.apps import audit, run
from tests.sweep.conftest import Bench

SPACE = ("x=interval(-2,2)", "y=choice(0,1,2)")


def test_they_come_after_the_baseline_and_the_sampler_fills_in_what_is_open(root: Path) -> None:
    points = "hydra.sweeper.enqueue=[{x: 0.5, y: 2}, {x: 1, y: 1}, {x: -1}, {x: 0.5, y: 2}]"
    arguments = (*SPACE, points, "hydra.sweeper.n_trials=4")
    done = run("quadratic", *arguments, folder=root.parent)
    assert done.returncode == 0, done.stderr
    assert "4 by tpe, 2 enqueued;" in done.stdout
    found = audit(root, "quadratic")
    assert [trial.params["x"] for trial in found.trials[:3]] == [1, 0.5, -1]
    assert found.trials[1].params["y"] == 2
    assert [ENQUEUED in trial.user_attrs for trial in found.trials] == [False, True, True, False]
    assert not any("besom.reused" in trial.user_attrs for trial in found.trials)  # baseline too


@pytest.mark.parametrize("given", ["[{x: 3}]", "3"])
def test_what_is_no_point_is_refused_before_anything_is_there(root: Path, given: str) -> None:
    done = run("quadratic", *SPACE, f"hydra.sweeper.enqueue={given}", folder=root.parent)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert "hydra.sweeper.enqueue" in done.stderr
    assert [file.name for file in root.iterdir()] == ["mlflow.db"]


def test_each_is_tried_once_however_often_the_sweep_begins(bench: Bench) -> None:
    points = ({"x": 0.25}, {"x": -0.25})
    for _ in range(3):  # starts that were killed before the first trial
        bench.study(enqueued=points)
    study, _ = bench.sweep(enqueued=points, n_trials=2)
    more = (*points, {"x": 0.75})
    study, _ = bench.sweep(enqueued=more, n_trials=6)
    tried = [row.params["x"] for row in study.rows()]
    assert tried[:3] == [0.5, 0.25, -0.25]
    assert [tried.count(point["x"]) for point in more] == [1, 1, 1]
    study, _ = bench.sweep(enqueued=more, n_trials=8)
    assert [row.params["x"] for row in study.rows()].count(0.75) == 1


def test_the_baselines_point_is_its_trial(bench: Bench) -> None:
    study = bench.study()
    assert study.enqueue_once([{"x": 0.25}, {"x": 0.5}]) == [1, 0]
    bench.sweep(n_trials=3)
    assert bench.study().enqueue_once([{"x": 0.5}]) == [0]


def test_values_of_other_code_do_not_count_and_the_points_are_tried_again(bench: Bench) -> None:
    points = ({"x": 0.25},)
    bench.sweep(enqueued=points, n_trials=2)
    study, _ = bench.sweep(enqueued=points, n_trials=5, code="1" * 64)
    assert [row.params["x"] for row in study.rows()][:4] == [0.5, 0.25, 0.5, 0.25]
