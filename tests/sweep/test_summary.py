"""The note on a sweep's own run in MLflow."""

import re
from collections.abc import Iterator
from dataclasses import replace
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from besom.common.states import State
from besom.common.terminal.commands import DEFAULT_ROOT
from besom.rnn.train import train
from besom.search.options import ConfirmOptions
from besom.sweep.summary import MAX_ROWS, note, print_summary
from besom.workers.messages import Assignment, FromWorker, Outcome
from tests.sweep.conftest import Bench

VERDICT = "Trial 2 beats the baseline: test_accuracy 0.83 (0.82 to 0.84)."


def commands(text: str) -> list[str]:
    """Return the commands in the note's code block, without comments."""
    block = text.split("```")[1].strip().splitlines()
    return [line.partition("#")[0].strip() for line in block]


def of_the_workload(bench: Bench, **options: Any) -> Any:
    """Return a plan whose task is Besom's own workload."""
    plan = bench.plan(root=DEFAULT_ROOT, **options)
    return replace(plan, application=replace(plan.application, task=train))


def test_every_trial_leads_to_its_run(bench: Bench) -> None:
    study, _ = bench.sweep(n_trials=4)
    rows = [line for line in note(bench.plan(), study).splitlines() if line.startswith("| [")]
    linked = dict(re.findall(r"\[(\d+)\]\((\S+)\)", "".join(rows)))
    assert linked == {str(row.number): f"#/runs/{row.notes['run_id']}" for row in study.rows()}
    values = [float(row.replace("&nbsp;", "").split("|")[3]) for row in rows]
    assert values == sorted(values)


def test_the_verdict_and_the_commands_come_before_the_table(bench: Bench) -> None:
    study, _ = bench.sweep(n_trials=3)
    study.remember("command", "besom sweep bench --trials 3")
    text = note(of_the_workload(bench), study, VERDICT)
    order = [text.index(f"**{VERDICT}**"), text.index("Best: "), text.index("```")]
    assert [*order, text.index("| trial ")] == sorted([*order, text.index("| trial ")])
    assert commands(text) == [
        "besom sweep bench --trials 3",
        *(f"besom {name} bench" for name in ("compare", "report")),
        "besom reproduce best --study bench",
        "besom export bench",
    ]


def test_without_a_verdict_it_says_how_to_get_one(bench: Bench) -> None:
    study, _ = bench.sweep(n_trials=3)
    asked_for = of_the_workload(bench, confirm=ConfirmOptions(top_k=2))
    assert "besom confirm bench" in commands(note(asked_for, study))
    assert "besom confirm bench --top-k 3" in commands(note(of_the_workload(bench), study))
    study.remember("command", "besom train -m model.units=8,16 hydra/sweeper=besom")
    assert not [step for step in commands(note(asked_for, study)) if "confirm" in step]


def test_what_was_remarked_of_a_trial_is_said_while_its_value_counts(bench: Bench) -> None:
    def script(assignment: Assignment) -> Iterator[FromWorker]:
        yield Outcome(State.COMPLETE, {"loss": 1.0}, seconds=0.1, remark="best.txt: two jobs")

    study, _ = bench.sweep(script, n_trials=3)
    console = Console(file=StringIO(), width=80)
    print_summary(bench.plan(), study, [], console)
    assert console.file.getvalue().count("best.txt: two jobs") == 1  # type: ignore[attr-defined]
    assert note(bench.plan(), study).count("best.txt: two jobs") == 1
    later, _ = bench.sweep(n_trials=4, code="b" * 64)
    assert "best.txt" not in note(bench.plan(code="b" * 64), later)


def test_of_another_application_only_what_can_be_done_with_it(bench: Bench) -> None:
    study, _ = bench.sweep(n_trials=3)
    text = note(bench.plan(root=DEFAULT_ROOT), study)
    assert commands(text) == ["besom compare bench", "besom report bench"]


def test_the_commands_find_the_record(bench: Bench) -> None:
    study, _ = bench.sweep(n_trials=2)
    elsewhere = {"root": "my runs", "tracking_uri": "http://me:secret@host:5000"}
    text = note(bench.plan(**elsewhere), study)
    where = "--root 'my runs' --tracking-uri 'http://me:***@host:5000'"
    assert f"besom compare bench {where}" in commands(text)


@pytest.mark.parametrize(
    ("uri", "ends"),
    [
        (None, ["besom ui bench", "besom compare bench", "besom report bench"]),
        ("http://me:secret@host:5000/", ["All trials, sorted:", "besom compare", "besom report"]),
        ("postgresql://host/runs", ["besom compare bench", "besom report bench"]),
    ],
)
def test_the_last_lines_say_where_all_trials_can_be_looked_at(
    bench: Bench, uri: str | None, ends: list[str]
) -> None:
    study, _ = bench.sweep(n_trials=2)
    console = Console(file=StringIO(), width=80)
    print_summary(bench.plan(tracking_uri=uri), study, [], console, "#/experiments/1/runs")
    shown = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    lines = [line for line in shown if not line.startswith("# ")][-len(ends) :]
    assert all(line.startswith(end) for line, end in zip(lines, ends, strict=True))
    if uri and uri.startswith("http"):
        assert lines[0].endswith("http://host:5000/#/experiments/1/runs")


def test_the_baseline_is_in_the_table_of_a_long_sweep(bench: Bench) -> None:
    def worst_first(assignment: Assignment) -> Iterator[FromWorker]:
        yield Outcome(State.COMPLETE, {"loss": 1.0 - assignment.trial}, seconds=0.1)

    study, _ = bench.sweep(worst_first, n_trials=MAX_ROWS + 3)
    lines = note(bench.plan(), study).splitlines()
    assert lines[-3].startswith("| [0](") and lines[-3].endswith("| 1 &nbsp;| baseline |")
    assert lines[-1] == "… and 2 more trials"


def test_a_bar_in_a_value_does_not_break_the_table(bench: Bench) -> None:
    def completes(assignment: Assignment) -> Iterator[FromWorker]:
        yield Outcome(State.COMPLETE, {"loss": 0.1}, seconds=0.1)

    study, _ = bench.sweep(completes, space="x=choice(0.5,'a|b')", n_trials=6, duplicates="rerun")
    rows = [line for line in note(bench.plan(), study).splitlines() if line.startswith("| [")]
    assert {line.count("|") for line in rows} == {5}
    assert any("a&#124;b" in line for line in rows)
