"""The header that a sweep prints before it starts."""

import subprocess
import sys
from typing import Any

import pytest

from besom.search.algorithms.options import MedianPruner, NoPruner, RandomSampler, TpeSampler
from besom.search.objective import read_objective
from besom.search.options import ConfirmOptions, ResourcesOptions, SweepOptions
from besom.search.space.grammar import read_space
from besom.search.trial_row import TrialRow
from besom.sweep.opening import _so_far, opening


def said(*space: str, n_enqueued: int | None = 0, **options: Any) -> list[str]:
    defaults = {"study_name": "mine", "sampler": TpeSampler(), "pruner": NoPruner()}
    asked = SweepOptions(**(defaults | options))
    objective = read_objective(asked.objective, asked.direction)
    return opening(asked, objective, read_space({}, list(space), loader=None), n_enqueued)


def test_it_is_aligned_and_says_what_is_going_to_happen() -> None:
    lines = said(
        "model.units=choice(8,16,32)",
        "training.epochs=range(1,9)",
        pruner=MedianPruner(),
        objective="val_accuracy",
        direction="maximize",
        confirm=ConfirmOptions(3, 5, metric="test_accuracy", direction="maximize"),
        n_trials=1200,
    )
    assert lines == [
        "Sweep mine",
        "  objective  val_accuracy, maximize",
        "  space      24 points, 2 axes: units, epochs",
        "  trials     1,200 by tpe, pruned by median; 2 workers",
        "  confirm    baseline and best 3 on 5 seeds, by test_accuracy (maximize)",
        "  writes to  mlruns/",
    ]


@pytest.mark.parametrize(
    ("space", "options", "line"),
    [
        (["x=interval(0,1)"], {}, "  space      continuous, 1 axis: x"),
        ([], {}, "  space      one configuration"),
        ([], {"custom_search_space": "my.space"}, "  space      what my.space suggests"),
        (
            ["x=interval(0,1)"],
            {"custom_search_space": "my.space"},
            "  space      continuous, 1 axis: x; and what my.space suggests",
        ),
        (["x=choice(1)"], {}, "  space      1 point, 1 axis: x"),
        (["x=choice(1)"], {}, "  objective  what the task returns, minimize"),
        (
            ["x=1"],
            {"objective": ["a", "b"], "direction": ["minimize", "maximize"]},
            "  objective  a (minimize), b (maximize)",
        ),
        (["x=1"], {"n_jobs": 1, "sampler": RandomSampler()}, "  trials     20 by random; 1 worker"),
        (
            ["x=1"],
            {"resources": ResourcesOptions(cpus=4, gpus=0.5, memory="4GiB")},
            "  each gets  4 cores, 0.5 GPU, 4 GiB",
        ),
        (["x=1"], {"warm_start": ["wide", "far"]}, "  warm start wide, far"),
        (["x=1"], {"resources": ResourcesOptions(gpus=0)}, "  each gets  no GPU"),
        (
            ["x=1"],
            {"root": "runs", "tracking_uri": "http://me:secret@host", "storage": "sqlite:///a.db"},
            "  writes to  runs/, MLflow at http://me:***@host, Optuna's database at sqlite:///a.db",
        ),
    ],
)
def test_what_differs(space: list[str], options: dict[str, Any], line: str) -> None:
    assert line in said(*space, **options)


@pytest.mark.parametrize(("n_axes", "end"), [(16, " parameter_15"), (200, ", …")])
def test_many_axes_are_broken_between_names(n_axes: int, end: str) -> None:
    lines = said(*(f"parameter_{number}=interval(0,1)" for number in range(n_axes)))
    assert max(map(len, lines)) <= 80 and f"continuous, {n_axes} axes: parameter_0, " in lines[2]
    of_space = lines[2 : lines.index("  trials     20 by tpe; 2 workers")]
    assert 3 <= len(of_space) <= 4 and of_space[-1].endswith(end)
    assert all(line.startswith(" " * 13 + "parameter_") for line in of_space[1:])


def test_a_huge_space_is_told_by_its_size() -> None:
    lines = said(*(f"p{number}=range(0,1000)" for number in range(6)))
    assert "1e+18 points, 6 axes" in lines[2]


def test_a_space_is_between_each_label_and_what_it_says() -> None:
    every = {
        "warm_start": "wide",
        "constraints": {"size": "<= 2"},
        "resources": ResourcesOptions(gpus=0),
        "timeout": 60,
        "confirm": ConfirmOptions(top_k=1),
    }
    lines = said("x=interval(0,1)", **every)[1:]
    assert len(lines) == 9
    assert all(line[12] == " " and line[13] != " " for line in lines), lines


@pytest.mark.parametrize(
    ("given", "number", "words"),
    [
        ([{"x": 1}] * 5, 3, ", 3 enqueued"),
        ([{"x": 1}], 0, ""),
        ("best 5", 2, ", the best 2 of others enqueued"),
        ("best 5", 0, ""),
        ("best 5", None, ", the best 5 of others enqueued"),  # a resume does not read it again
    ],
)
def test_what_is_enqueued_is_counted(given: Any, number: int | None, words: str) -> None:
    lines = said("x=interval(0,1)", n_enqueued=number, enqueue=given)
    assert f"  trials     20 by tpe{words}; 2 workers" in lines


def test_only_a_confirmation_says_so() -> None:
    lines = said("x=interval(0,1)", confirm=ConfirmOptions(top_k=3, only=True))
    assert lines[0] == "Confirmation of mine"
    assert "  trials     no more; 2 workers" in lines


def test_a_resumed_study_says_what_is_there_and_what_remains() -> None:
    states = ["complete", "complete", "pruned", "failed", "running"]
    rows = [TrialRow(n, {}, state, (), {}) for n, state in enumerate(states)]
    assert _so_far(rows, 7, confirms_only=False) == (
        "4 of 7 trials ended (1 pruned, 1 failed); 3 remain, 1 of them begun"
    )
    assert _so_far(rows, 1, confirms_only=True) == "4 trials ended (1 pruned, 1 failed)"
    assert _so_far(rows[:2], 2, confirms_only=False) == "2 of 2 trials ended; none remains"


def test_nothing_heavy_is_loaded_for_it() -> None:
    check = (
        "import sys, hydra_plugins.besom.sweeper, besom.app.job, besom.sweep.plan\n"
        "import besom.sweep.opening\n"
        "print(*{'tensorflow', 'mlflow', 'sqlalchemy', 'scipy', 'pandas'} & set(sys.modules))"
    )
    ended = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True)
    assert ended.stdout.split() == [] and ended.stderr == ""
