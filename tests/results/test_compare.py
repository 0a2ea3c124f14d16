"""``besom compare``: what differs between runs, and what came of it."""

import csv
import json

import pytest

from besom.tracking import connect
from tests.conftest import Command


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


def test_runs_and_studies_stand_side_by_side(
    study: list[str], root: "object", besom: Command
) -> None:
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


def test_a_study_without_trials_has_nothing_to_show(root: "object", besom: Command) -> None:
    with connect(root, None, "besom") as record:  # type: ignore[arg-type]
        record.start_run("empty", {"besom.study": "empty", "besom.role": "sweep"})
    assert "holds no trial yet" in besom("compare", "empty").err
