"""A dry run tells what it knows at once, and measures what it does not."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf
from rich.console import Console

from besom.sweeping import dry_run, kept_probe
from besom.sweeping.dry_run import show_dry_run
from besom.sweeping.plan import Plan
from besom.sweeping.probe import Probe
from besom.task import Hooks

from .conftest import Bench

MEASURED = Probe(start=4.0, step=0.5, rest=1.0, disk=2_000_000)
Show = Callable[[Plan], str]


@pytest.fixture
def plan(bench: Bench, tmp_path: Path) -> Plan:
    folder = tmp_path / "measurements"
    hooks = Hooks(steps=lambda config: 10, probe=("epochs=2",), measurements=lambda: folder)
    return replace(bench.plan(), hooks=hooks)


@pytest.fixture
def probes(monkeypatch: pytest.MonkeyPatch) -> list[Plan]:
    """The plans that were measured; the short run itself is replaced."""
    measured: list[Plan] = []

    def probe(plan: Plan) -> Probe:
        measured.append(plan)
        return MEASURED

    monkeypatch.setattr(dry_run, "probe", probe)
    return measured


@pytest.fixture
def show(capsys: pytest.CaptureFixture[str]) -> Show:
    def shown(plan: Plan) -> str:
        show_dry_run(plan, Console(width=200))
        return capsys.readouterr().out

    return shown


def test_the_second_dry_run_takes_the_measurement_of_the_first(
    plan: Plan, probes: list[Plan], show: Show
) -> None:
    first, second = show(plan), show(plan)
    assert len(probes) == 1
    assert "Timing a short run" in first
    assert f"Measured by the dry run of {datetime.now():%Y-%m-%d}" in second
    assert first.splitlines()[-2:] == second.splitlines()[-2:]


CHANGES: dict[str, Callable[[Plan], Plan]] = {
    "baseline": lambda plan: replace(plan, baseline=OmegaConf.create({"x": 0.7})),
    "short run": lambda plan: with_hooks(plan, probe=("epochs=3",)),
    "data": lambda plan: with_hooks(plan, identity=lambda config: {"data": "other"}),
    "threads": lambda plan: replace(plan, options=replace(plan.options, n_jobs=4)),
}


def with_hooks(plan: Plan, **changes: Any) -> Plan:
    return replace(plan, hooks=replace(plan.hooks, **changes))


@pytest.mark.parametrize("change", CHANGES)
def test_what_the_cost_depends_on_is_measured_anew(
    plan: Plan, probes: list[Plan], show: Show, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    monkeypatch.setattr(kept_probe, "cores", lambda: 4)
    show(plan)
    show(CHANGES[change](plan))
    assert len(probes) == 2


def test_where_things_are_does_not_matter(plan: Plan, probes: list[Plan], show: Show) -> None:
    for root in ("here", "there"):
        there = OmegaConf.create({"x": 0.5, "tracking": {"root": root}})
        show(replace(plan, baseline=there))
    assert len(probes) == 1


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"date": "2026-01-01T00:00:00"}'])
def test_a_damaged_measurement_is_made_again(
    plan: Plan, probes: list[Plan], show: Show, tmp_path: Path, damage: str
) -> None:
    show(plan)
    [file] = (tmp_path / "measurements").iterdir()
    file.write_text(damage)
    show(plan)
    assert len(probes) == 2
    show(plan)
    assert len(probes) == 2


def test_an_old_measurement_is_made_again(
    plan: Plan, probes: list[Plan], show: Show, tmp_path: Path
) -> None:
    show(plan)
    [file] = (tmp_path / "measurements").iterdir()
    old = datetime.now() - kept_probe.LIFETIME - timedelta(minutes=1)
    file.write_text(json.dumps(json.loads(file.read_text()) | {"date": old.isoformat()}))
    show(plan)
    assert len(probes) == 2


def test_nothing_is_kept_for_a_task_that_names_no_folder(
    plan: Plan, probes: list[Plan], show: Show
) -> None:
    bare = with_hooks(plan, measurements=None)
    show(bare)
    show(bare)
    assert len(probes) == 2


def test_a_folder_that_cannot_be_written_only_costs_the_next_one_time(
    plan: Plan, probes: list[Plan], show: Show, tmp_path: Path
) -> None:
    (tmp_path / "measurements").write_text("a file in the way")
    assert "Estimate" in show(plan)
    assert "Estimate" in show(plan)
    assert len(probes) == 2


def test_a_failed_short_run_is_said_and_not_kept(
    plan: Plan, show: Show, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(dry_run, "probe", lambda plan: None)
    assert "It failed" in show(plan)
    assert not (tmp_path / "measurements").exists()
