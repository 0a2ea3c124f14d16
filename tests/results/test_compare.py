"""Tests ``besom compare``: what differs between runs, and their results."""

import csv
import io
import json
import sys
from pathlib import Path

import pytest

from besom.tracking import connect, schema
from besom.tracking.address import own_address
from besom.tracking.mlflow_readers import DatabaseReader
from besom.tracking.reader import meant
from tests.conftest import Command
from tests.results.conftest import optuna_study, start


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


def test_a_run_beside_a_study_is_told_apart(study: list[str], root: Path, besom: Command) -> None:
    with connect(root, None, "besom") as record:
        alone = record.start_run("train units=32", {schema.ROLE: "train"})
        record.params(alone, {"model.units": 32, "model.name": "lstm"})
        record.prepare_end(alone, "FINISHED", {schema.STATE: "complete"}, {})
        record.end_run(alone)
    rows = besom("compare", alone, "small", study[0]).out.splitlines()
    cells = [line.split() for line in rows]
    assert cells[0][:4] == ["study", "trial", "model", "units"]
    assert [row[:2] for row in cells[2:]] == [
        ["small", "1"],
        ["small", "0"],
        ["small", "3"],
        ["-", "run"],
        ["small", "2"],
    ]
    assert f"run {alone[:8]}" in rows[5]


def test_alone_it_lists_the_studies_and_what_to_type_next(
    study: list[str], root: Path, besom: Command
) -> None:
    with connect(root, None, "besom") as record:
        start(record, "my own").trial(0, {"x": 1}, {"val_accuracy": [0.5]}, "pruned")
    head, _, *rows, empty, last = besom("compare").out.splitlines()
    assert head.split() == ["study", "trials", "objective", "best", "in", "trial"]
    assert [row.split() for row in rows] == [
        ["small", "4", "val_accuracy,", "maximize", "0.85", "1"],
        ["my", "own", "1", "val_accuracy,", "maximize", "-", "-"],
    ]
    assert empty == "" and last == "besom compare 'my own'  # its trials, the best first"


def test_where_trials_ran_is_shown_where_it_was_on_several_nodes(
    study: list[str], root: Path, besom: Command
) -> None:
    def place(run_id: str, node: str) -> None:
        with connect(root, None, "besom") as record:
            record.log(run_id, schema.placed(node, []))

    for run_id in study[:2]:
        place(run_id, "node-a")
    assert "node" not in besom("compare", "small", "--csv").out
    place(study[2], "node-b")
    shown = besom("compare", "small").out.splitlines()
    assert "node" in shown[0] and sum("node-a" in line for line in shown) == 2
    rows = json.loads(besom("compare", "small", "--json").out)
    assert {row["trial"]: row["node"] for row in rows} == {
        0: "node-a",
        1: "node-a",
        2: "node-b",
        3: None,
    }


def test_an_objective_without_a_name_is_what_the_task_returned(root: Path, besom: Command) -> None:
    with connect(root, None, "besom") as record:
        plain = start(record, "plain", "objective", "minimize")
        for number, loss in enumerate([0.5, 0.2, 0.9]):
            plain.trial(number, {"x": number}, {"loss": [loss]})
    rows = json.loads(besom("compare", "plain", "--json").out)
    assert [row["trial"] for row in rows] == [1, 0, 2]


def test_several_objectives_without_names_are_in_the_order_of_trials(
    root: Path, besom: Command
) -> None:
    with connect(root, None, "besom") as record:
        both = start(record, "both", "objective", "minimize, maximize")
        for number in range(3):
            both.trial(number, {"x": number}, {"objective": [1.0], "objective_1": [2.0]})
    rows = json.loads(besom("compare", "both", "--json").out)
    assert [row["trial"] for row in rows] == [0, 1, 2]


def test_an_objective_that_the_task_named_is_not_another_of_its_metrics(
    root: Path, besom: Command
) -> None:
    with connect(root, None, "besom") as record:
        plain = start(record, "plain", "objective", "minimize")
        record.log(plain.parent, {schema.OBJECTIVE: "error"})
        for number, error in enumerate([0.5, 0.2, 0.9]):
            plain.trial(number, {"x": number}, {"error": [error], "accuracy": [error]})
    rows = json.loads(besom("compare", "plain", "--json").out)
    assert [row["trial"] for row in rows] == [1, 0, 2]


def refused(text: str) -> None:
    raise AssertionError(f"{text} is no JSON")


def test_json_has_no_numbers_that_json_does_not_know(root: Path, besom: Command) -> None:
    with connect(root, None, "besom") as record:
        wild = start(record, "wild")
        wild.trial(0, {"clip": float("inf")}, {"val_accuracy": [float("nan")]})
        wild.trial(1, {"clip": 1.5}, {"val_accuracy": [0.5], "loss": [float("-inf")]})
    rows = json.loads(besom("compare", "wild", "--json").out, parse_constant=refused)
    assert [(row["clip"], row["val_accuracy"], row["loss"]) for row in rows] == [
        (1.5, 0.5, None),
        (None, None, None),
    ]


def test_a_parameter_that_is_called_as_a_column_takes_none_away(root: Path, besom: Command) -> None:
    with connect(root, None, "besom") as record:
        odd = start(record, "odd")
        for number in range(2):
            odd.trial(number, {"state": f"s{number}", "trial": -number}, {"val_accuracy": [0.5]})
    rows = json.loads(besom("compare", "odd", "--json").out)
    assert [row["trial"] for row in rows] == [0, 1]
    assert {row["state"] for row in rows} == {"complete"}
    assert [row["params.state"] for row in rows] == ["s0", "s1"]


def test_no_two_columns_have_the_same_head(root: Path, besom: Command) -> None:
    with connect(root, None, "besom") as record:
        odd = start(record, "odd")
        for number in range(2):
            params = {"training.epochs": 5 + number, "loss": f"l{number}", "a.units": number}
            odd.trial(number, params, {"val_accuracy": [0.5], "epochs": [3.0], "loss": [0.1]})
    head = besom("compare", "odd").out.splitlines()[0].split()
    assert head == [
        *("trial", "units", "params.loss", "training.epochs"),
        *("val_accuracy", "epochs", "loss", "seconds", "state"),
    ]


def test_an_id_in_capitals_is_the_same(study: list[str], besom: Command) -> None:
    (row,) = json.loads(besom("compare", study[3].upper(), "--json").out)
    assert row["run_id"] == study[3]


def test_the_beginning_of_several_ids_is_answered_with_three(root: Path) -> None:
    ids = [f"abcdef{number:026x}" for number in range(5)]

    class Few(DatabaseReader):
        def run_ids(self) -> list[str]:
            return ids

    said = meant(Few(own_address(root)), "ABCDEF")
    assert said == f"5 runs begin so: {', '.join(ids[:3])}, …"


@pytest.mark.parametrize("words", [["small"], ["0" * 32], []])
def test_a_record_without_a_study_says_so(words: list[str], root: Path, besom: Command) -> None:
    ended = besom("compare", *words)
    assert ended.code == 2
    assert "there is no study yet; `besom sweep NAME` makes one" in ended.err


@pytest.mark.parametrize("kept", [slice(8), slice(31)])
def test_a_part_of_an_id_is_answered_with_all_of_it(
    kept: slice, study: list[str], besom: Command
) -> None:
    ended = besom("compare", study[3][kept])
    assert ended.code == 2
    assert f"did you mean `{study[3]}`?" in ended.err


def test_a_mistyped_id_is_answered_with_the_right_one(study: list[str], besom: Command) -> None:
    other = "0" if study[3][9] != "0" else "1"
    ended = besom("compare", study[3][:9] + other + study[3][10:])
    assert ended.code == 2
    assert f"no run {study[3][:9]}" in ended.err and f"did you mean `{study[3]}`?" in ended.err


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["smal"], ["no study `smal`", "did you mean `small`?"]),
        (["nothing"], ["no study `nothing`", "there are the studies small"]),
        (["0" * 32], ["no run 000", "besom compare STUDY --csv", "there are the studies small"]),
        (["small", "--sort=unit"], ["--sort unit", "did you mean"]),
        (["small", "--top", "0"], ["--top", "`0`"]),
        (["small", "--csv", "--json"], ["not allowed with"]),
        (["--csv"], ["name a study or a run", "`besom compare` lists"]),
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
        record.start_run("empty", {schema.STUDY: "empty", schema.ROLE: "sweep"})
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


def test_of_two_sweeps_of_a_name_the_one_of_this_root_is_meant(
    root: Path, besom: Command, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    """Another user of the server has begun a study of that name since."""
    with connect(root, None, "besom") as record:
        ours, theirs = start(record, "twice"), start(record, "twice")
        for study, value in ((ours, 0.9), (theirs, 0.5)):
            study.trial(0, {"n": 1}, {"val_accuracy": [value]})
        record.log(theirs.parent, {schema.HOST: "node-7"})
    own = optuna_study(tmp_path / "own", "twice", ours.parent)
    words = ("compare", "twice", "--json", "--tracking-uri", own_address(root), "--root")
    (row,) = json.loads(besom(*words, str(own)).out)
    assert row["val_accuracy"] == 0.9 and "sweeps of study" not in caplog.text
    (row,) = json.loads(besom(*words, "elsewhere").out)
    assert row["val_accuracy"] == 0.5
    assert "the record has 2 sweeps of study twice, and none of them is of" in caplog.text


class Terminal(io.StringIO):
    """A standard output that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("form", ["--csv", "--json", "--top=9"])
def test_a_terminal_gets_no_control_characters_and_a_pipe_gets_the_text_as_it_is(
    form: str, root: Path, besom: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    rung, cleared = "\x1b]0;pwned\x07", "\x9b2J"
    with connect(root, None, "besom") as record:
        steering = start(record, "steering")
        steering.trial(0, {"text": rung}, {"loss": [0.5]}, role="baseline")
        steering.trial(1, {"text": cleared}, {"loss": [0.4]})
    if form == "--csv":
        piped = besom("compare", "steering", form).out
        assert rung in piped and cleared in piped
    with monkeypatch.context() as context:
        context.setattr(sys, "stdout", terminal := Terminal())
        context.setenv("TERM", "dumb")  # no styles of the table's own
        assert besom("compare", "steering", form).code == 0
    shown = terminal.getvalue()
    assert "pwned" in shown and "2J" in shown
    assert all(character.isprintable() or character == "\n" for character in shown)
