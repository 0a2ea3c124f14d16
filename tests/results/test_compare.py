"""``besom compare``: what differs between runs, and what came of it."""

import csv
import json
from pathlib import Path

import pytest

from besom.tracking import connect
from tests.conftest import Command
from tests.results.conftest import start


def test_the_best_comes_first_and_only_what_differs_is_shown(
    study: list[str], besom: Command
) -> None:
    ended = besom("compare", "small")
    rows = [line.split() for line in ended.out.splitlines() if line.strip()]
    numbered = [row for row in rows if row[0].isdigit()]
    assert ended.code == 0
    assert [row[0] for row in numbered] == ["1", "0", "3", "2"]
    assert "units" in ended.out and "rate" not in ended.out
    assert "baseline" in ended.out and "pruned" in ended.out
    assert numbered[0][:3] == ["1", "64", "0.85"]


def test_a_trial_is_its_last_attempt(study: list[str], besom: Command) -> None:
    rows = json.loads(besom("compare", "small", "--json").out)
    assert {row["trial"]: row["run_id"] for row in rows} == dict(enumerate(study))
    assert rows[0]["val_accuracy"] == 0.85 and rows[0]["model.units"] == 64


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("units", [3, 2, 0, 1]),
        ("-model.units", [1, 0, 2, 3]),
        ("trial", [0, 1, 2, 3]),
        ("loss", [0, 1, 2, 3]),
        ("val_accuracy", [2, 3, 0, 1]),
    ],
)
def test_sorts_by_any_column(sort: str, order: list[int], study: list[str], besom: Command) -> None:
    rows = csv.DictReader(besom("compare", "small", f"--sort={sort}", "--csv").out.splitlines())
    assert [int(row["trial"]) for row in rows] == order


def test_the_top_says_how_many_are_left(study: list[str], besom: Command) -> None:
    assert "… and 3 more; --top 4 shows all" in besom("compare", "small", "--top", "1").out


def test_runs_and_studies_stand_side_by_side(study: list[str], root: Path, besom: Command) -> None:
    rows = json.loads(besom("compare", study[3], study[0], "--json").out)
    assert [row["trial"] for row in rows] == [3, 0]


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["smal"], ["no study `smal`", "did you mean `small`?"]),
        (["nothing"], ["no study `nothing`", "there are small"]),
        (["0" * 32], ["no run 000", "besom ui"]),
        (["small", "--sort=unit"], ["--sort unit", "did you mean"]),
        (["small", "--top", "0"], ["--top", "`0`"]),
        (["small", "--csv", "--json"], ["not allowed with"]),
        ([], ["required", "besom compare --help"]),
        (["small", "--root", "elsewhere"], ["elsewhere", "holds no record"]),
    ],
)
def test_refuses_in_a_line(
    words: list[str], parts: list[str], study: list[str], besom: Command
) -> None:
    ended = besom("compare", *words)
    assert ended.code == 2 and ended.out == ""
    assert all(part in ended.err for part in parts), ended.err
    assert len(ended.err.splitlines()) <= 2


def test_a_study_without_trials_has_nothing_to_show(root: Path, besom: Command) -> None:
    with connect(root, None, "besom") as record:
        record.start_run("empty", {"besom.study": "empty", "besom.role": "sweep"})
    assert "holds no trial yet" in besom("compare", "empty").err


def test_values_are_shown_as_they_are(root: Path, besom: Command) -> None:
    with connect(root, None, "besom") as record:
        listed = start(record, "listed")
        listed.trial(0, {"layers": "[relu,tanh]"}, {"val_accuracy": [0.5]})
        listed.trial(1, {"layers": "[/data/x]"}, {"val_accuracy": [0.6]})
    out = besom("compare", "listed").out
    assert "[relu,tanh]" in out and "[/data/x]" in out


def test_a_number_that_is_none_sorts_last(root: Path, besom: Command) -> None:
    with connect(root, None, "besom") as record:
        diverged = start(record, "diverged")
        for number, loss in enumerate([0.5, float("nan"), 0.1, 0.3]):
            diverged.trial(number, {"n": number}, {"loss": [loss]})
    rows = json.loads(besom("compare", "diverged", "--sort=loss", "--json").out)
    assert [row["trial"] for row in rows] == [2, 3, 0, 1]


def test_a_study_begun_anew_under_its_old_name_is_the_new_one(root: Path, besom: Command) -> None:
    with connect(root, None, "besom") as record:
        for value in (0.9, 0.5):
            start(record, "twice").trial(0, {"n": 1}, {"val_accuracy": [value]}, attempt=2)
    (row,) = json.loads(besom("compare", "twice", "--json").out)
    assert row["val_accuracy"] == 0.5
