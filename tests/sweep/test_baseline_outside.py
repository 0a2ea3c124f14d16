"""A baseline outside the space, and searched config groups, from command line to all tables."""

import math
from pathlib import Path
from typing import Any

import yaml

import besom
from besom.results.compare import compare, show
from tests.sweep.apps import audit, run

SPACE = ("gen.lr=interval(2,3)", "disc.lr=range(1,4)", "model=small,wide", "db@second=b,c")
CONFIRM = ("hydra.sweeper.confirm.top_k=1", "hydra.sweeper.confirm.seeds=2")


def sweep(n_trials: int, *words: str, folder: Path) -> Any:
    fixed = (f"hydra.sweeper.n_trials={n_trials}", "hydra.sweeper.max_failure_rate=0")
    fixed += ("hydra.sweeper.sampler.seed=1",)  # so that each key takes two values or more
    return run("grouped", *SPACE, *CONFIRM, *fixed, "hydra.sweep.dir=out", *words, folder=folder)


def test_it_runs_as_it_is_and_groups_are_in_every_record(root: Path, capsys: Any) -> None:
    folder = root.parent
    begun = sweep(3, folder=folder)
    assert begun.returncode == 0, begun.stderr
    assert "(gen.lr=1.0 is outside interval(2,3), db@second=a is outside b,c)" in begun.stdout
    other = sweep(4, "hydra.sweeper.baseline.gen.lr=1.5", folder=folder)
    assert other.returncode == 2 and "outside its space (gen.lr=1.0)" in other.stderr
    resumed = sweep(4, folder=folder)
    assert resumed.returncode == 0, resumed.stderr
    assert "loses against the baseline" in resumed.stdout
    assert "gen.lr" in resumed.stdout and "disc.lr" in resumed.stdout

    trials = audit(root, "grouped").trials
    assert [len(trial.params) for trial in trials] == [0, 4, 4, 4]
    assert trials[0].value == 3.0 and trials[0].user_attrs["besom.role"] == "baseline"

    results = yaml.safe_load((folder / "out" / "optimization_results.yaml").read_text())
    baseline = {"gen.lr": 1.0, "disc.lr": 1.0, "model": "small", "db@second": "a"}
    assert results == {"name": "optuna", "best_params": baseline, "best_value": 3.0}
    multirun = yaml.safe_load((folder / "out" / "multirun.yaml").read_text())
    assert multirun["hydra"]["sweeper"]["n_trials"] == 4

    runs = besom.runs("grouped", root)
    assert list(runs["model"]) == ["small", *(trial.params["model"] for trial in trials[1:])]
    assert list(runs["db@second"]) == ["a", *(trial.params["db@second"] for trial in trials[1:])]
    assert math.isclose(runs["gen.lr"][0], 1.0)
    show(compare(root, None, ["grouped"], None), top=9)
    shown = capsys.readouterr().out
    assert {"gen.lr", "disc.lr", "db@second"} <= set(shown.split())
