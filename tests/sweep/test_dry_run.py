"""A dry run estimates time from the study's baseline; without one it measures a short run."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf
from rich.console import Console

from besom.app.hooks import Hooks
from besom.common.states import State
from besom.search.algorithms.options import BruteForceSampler, GridSampler
from besom.search.options import ConfirmOptions
from besom.sweep import dry_run
from besom.sweep.dry_run import Probe, show_dry_run
from besom.sweep.identity.fingerprint import fingerprint, hold_to
from besom.sweep.opening import opening
from besom.sweep.plan import Plan
from besom.workers.messages import Assignment, FromWorker, Outcome
from besom.workers.resources import Resources
from tests.sweep.conftest import Bench

MEASURED = Probe(start=4.0, step=0.5, rest=1.0, disk=2_000_000)
Show = Callable[[Plan], list[str]]


@pytest.fixture
def plan(bench: Bench) -> Plan:
    hooks = Hooks(steps=lambda config: 10, probe=("epochs=2",))
    return replace(bench.plan(study_name="bench", n_trials=4, n_jobs=2), hooks=hooks)


@pytest.fixture
def probes(monkeypatch: pytest.MonkeyPatch) -> list[Plan]:
    """Replace the short run by ``MEASURED``; return the list of the plans that were measured."""
    measured: list[Plan] = []

    def probe(plan: Plan) -> Probe:
        measured.append(plan)
        return MEASURED

    monkeypatch.setattr(dry_run, "probe", probe)
    return measured


@pytest.fixture
def show(capsys: pytest.CaptureFixture[str], root: Path) -> Show:
    def shown(plan: Plan) -> list[str]:
        show_dry_run(plan, f"sqlite:///{root / 'optuna.db'}", Console(width=200))
        return capsys.readouterr().out.splitlines()[-2:]

    return shown


def takes_three_seconds(assignment: Assignment) -> Iterator[FromWorker]:
    yield Outcome(State.COMPLETE, {"loss": 0.5}, seconds=3.0)


def test_the_baseline_of_the_study_tells_the_time_where_it_was_trained(
    bench: Bench, plan: Plan, probes: list[Plan], show: Show
) -> None:
    hold_to(bench.study(), fingerprint(plan))
    bench.sweep(takes_three_seconds, study_name="bench", n_trials=1)
    told = show(plan)
    assert told[0] == "The baseline took 3.0 s in this study."
    assert told[1].endswith("3 trials on 2 workers take 6.0 s.")
    assert probes == []
    others = [
        replace(plan, baseline=OmegaConf.create({"x": 0.5, "y": 1})),
        replace(plan, baseline_params={"x": 0.7}),
        replace(plan, options=replace(plan.options, study_name="another")),
    ]
    for other in others:
        assert "MB" in show(other)[1]
    assert probes == others


def test_a_study_that_cannot_be_read_or_is_not_there_is_measured(
    plan: Plan, probes: list[Plan], show: Show, root: Path
) -> None:
    (root / "optuna.db").unlink()
    told = show(plan)
    assert not (root / "optuna.db").exists()
    assert "10 steps then take 6.0 s." in told[0]
    assert told[1].endswith("4 trials on 2 workers take 16 s and 8 MB.")
    (root / "optuna.db").write_text("no database")
    assert show(plan) == told
    assert len(probes) == 2


def test_trials_that_have_ended_are_not_estimated_again(
    bench: Bench, plan: Plan, probes: list[Plan], show: Show
) -> None:
    study = bench.study()
    hold_to(study, fingerprint(plan))
    bench.sweep(takes_three_seconds, study_name="bench", n_trials=2)
    study = bench.study()
    study.ask(plan.space.distributions)
    study.note(2, role="trial")  # as if its supervisor was killed
    assert show(plan)[1].endswith("2 trials on 2 workers take 3.0 s.")
    bench.sweep(takes_three_seconds, study_name="bench", n_trials=4)
    assert show(plan)[1] == "No trial remains."
    confirmed = replace(plan.options, confirm=ConfirmOptions(top_k=1, seeds=3))
    told = show(replace(plan, options=confirmed))
    assert told[1].endswith("unpruned: 6 confirmations on 2 workers take 9.0 s.")
    assert probes == []


@pytest.mark.parametrize("sampler", [GridSampler(), BruteForceSampler()])
@pytest.mark.parametrize("outside", [None, {"x": 5.0}])
def test_samplers_of_every_point_end_with_the_last_one(
    sampler: Any,
    outside: dict[str, Any] | None,
    bench: Bench,
    probes: list[Plan],
    root: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = {"study_name": "bench", "space": "x=choice(0.5,1.0,2.0)", "sampler": sampler}
    plan = replace(bench.plan(**options), hooks=Hooks(lambda config: 10, probe=("epochs=2",)))
    plan = plan if outside is None else replace(plan, baseline_params={}, outside=outside)
    n_trials = 3 if outside is None else 4

    def lines() -> list[str]:
        show_dry_run(plan, f"sqlite:///{root / 'optuna.db'}", Console(width=200))
        return capsys.readouterr().out.splitlines()

    told = lines()
    begins = told.index("First proposals:") + 1
    proposed = [line.split()[1] for line in told[begins : told.index("", begins)]]
    assert sorted(proposed) == ["x=0.5", "x=1", "x=2", "x=5"][:n_trials]
    assert f"Size: 3 points; {n_trials} trials by {sampler.name}, pruner none" in told
    assert f"{n_trials} trials on " in told[-1] and f"{2 * n_trials} MB" in told[-1]
    if outside is None:
        hold_to(bench.study(), fingerprint(plan))
        bench.sweep(takes_three_seconds, n_trials=2, **options)
        assert "unpruned: 1 trial on " in lines()[-1]
        bench.sweep(takes_three_seconds, n_trials=20, **options)
        assert lines()[-1] == "No trial remains."


def test_what_a_worker_gets_is_said_where_it_was_asked_for(
    plan: Plan, probes: list[Plan], root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for of_each, lines in [
        (Resources(), []),
        (Resources(4, 0.5, 8 << 30), ["Workers: 2, each with 4 cores, 0.5 GPU, 8 GiB"]),
    ]:
        storage = f"sqlite:///{root / 'optuna.db'}"
        show_dry_run(replace(plan, resources=of_each), storage, Console(width=200))
        said = capsys.readouterr().out.splitlines()
        assert [line for line in said if line.startswith("Workers")] == lines


def test_objectives_and_constraints_are_said_as_the_sweep_says_them(
    bench: Bench, probes: list[Plan], root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    two = {"objective": ["a", "b"], "direction": ["minimize", "maximize"]}
    plan = bench.plan(study_name="two", constraints={"d": "<= 2"}, **two)
    show_dry_run(plan, f"sqlite:///{root / 'optuna.db'}", Console(width=200))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "two: a (minimize), b (maximize)"
    assert "Feasible: d <= 2" in lines
    opened = opening(plan.options, plan.objective, plan.space)
    assert opened[1:4:2] == ["  objective  a (minimize), b (maximize)", "  feasible   d <= 2"]


def test_a_failed_short_run_is_said(
    plan: Plan, show: Show, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dry_run, "probe", lambda plan: None)
    assert "It failed" in show(plan)[-1]
