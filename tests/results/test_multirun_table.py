"""Tests the table after ``besom train -m``: its runs, and their mean and spread."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from besom import session
from besom.results.multirun_table import groups, print_jobs, statistics
from besom.rnn import __main__ as application
from besom.tracking.decorator import RecordedRun, tracked
from tests.conftest import Command


def run(number: int, words: str, **numbers: float) -> RecordedRun:
    return RecordedRun(f"{number:032x}", words.split(), numbers, 1.5)


THREE = [
    run(seed, f"data=synthetic seed={seed}", loss=value) for seed, value in enumerate((1, 2, 4))
]


def test_mean_sample_deviation_and_interval_of_each_metric() -> None:
    head, _, line = statistics("", THREE)
    assert head.split() == ["3", "runs", "mean", "std", "95", "%", "interval"]
    low, high = np.array([-1, 1]) * 4.3027 * 1.5275 / np.sqrt(3) + 7 / 3
    assert line.split() == ["loss", "2.333", "1.528", f"{low:.4g}", "to", f"{high:.4g}"]


def test_runs_are_grouped_by_all_but_their_seeds() -> None:
    runs = [
        run(number, f"model.units={units} +seed={seed} same=1")
        for number, (units, seed) in enumerate([(8, 1), (8, 2), (16, 1)])
    ]
    found = groups(runs)
    assert {setting: len(group) for setting, group in found.items()} == {
        "units=8": 2,
        "units=16": 1,
    }


def test_a_metric_that_not_all_have_is_told_of_those_that_do(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_jobs([run(0, "seed=1", loss=0.0004073, extra=1.0), run(1, "seed=2", loss=2.0)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["job", "seed", "loss", "extra", "seconds"]
    assert lines[3].split() == ["0", "1", "0.0004073", "1", "1.5"]
    assert lines[4].split() == ["1", "2", "2", "-", "1.5"]
    assert not any(line.startswith("extra") for line in lines)


def test_runs_that_differ_otherwise_have_no_mean(capsys: pytest.CaptureFixture[str]) -> None:
    print_jobs([run(0, "model.units=8", loss=1.0), run(1, "model.units=16", loss=2.0)])
    assert "mean" not in capsys.readouterr().out


def fake(config: Any) -> Mapping[str, float]:
    """Report and return what a training would, without one."""
    session.expect(1)
    session.report(1, val_accuracy=config.seed / 10)
    return {"val_accuracy": config.seed / 10}


def test_a_command_of_several_jobs_ends_with_them(
    besom: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(application, "task", tracked(fake))
    ended = besom("train", "-m", "seed=1,2,3", "data=synthetic")
    assert ended.code == 0, ended.err
    lines = ended.out.splitlines()
    assert lines[:2] == ["Launching 3 jobs locally", "\t#0 : seed=1 data=synthetic"]
    assert "[HYDRA]" not in ended.out
    assert ["0", "1", "0.1"] in [line.split()[:3] for line in lines]
    assert ["val_accuracy", "0.2", "0.1"] in [line.split()[:3] for line in lines]
    assert lines[-3].startswith("besom ui") and lines[-2] == "# side by side:"
    assert lines[-1].startswith("besom compare ")


def test_a_single_run_says_where_it_is(besom: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(application, "task", tracked(fake))
    ended = besom("train", "seed=2", "data=synthetic", "tracking.root=other")
    *_, compare, look = ended.out.splitlines()
    assert " --root other" in compare and look.startswith("besom ui --root other")
    assert "mean" not in ended.out
    assert besom(*compare.partition("#")[0].split()[1:]).code == 0
