"""Kills the supervisor in one phase after the other, and a worker while it saves a file."""

from pathlib import Path

import pytest

from tests.chaos.harness import Sizes, Victim, kill_in

pytestmark = pytest.mark.slow

FACT = "after a fact is kept with the study"
PLACES = (
    "after ask",
    "after the run is created",
    "after a log is begun",
    "before the last words",
    "before tell",
    "after tell",
    "before the run is closed",
    "after a confirmation is begun",
)
"""The phases that leave different states behind; ``make chaos`` tries all of phases.py singly."""


def test_a_supervisor_may_be_killed_in_any_phase(tmp_path: Path) -> None:
    """One sweep is killed in all these phases, one after the other."""
    orders = [f"{phase}@2" for phase in PLACES]
    assert kill_in(orders, tmp_path, Sizes(workers=2, trials=16)).faults == []


def test_a_supervisor_may_be_killed_while_the_sweeps_own_run_begins(tmp_path: Path) -> None:
    orders = [
        *(f"{FACT}@1", f"{FACT}@1"),  # the fingerprint; then the next supervisor's first: the key
        *("after the run is created@1", "after a log is begun@1"),
        *(f"{FACT}@2", f"{FACT}@3"),  # the command, the run's id
    ]
    assert kill_in(orders, tmp_path, Sizes(workers=2, trials=5)).faults == []


def test_a_supervisor_may_be_killed_while_it_does_what_another_terminal_asks(
    tmp_path: Path,
) -> None:
    """Three points are enqueued, and each gets exactly one trial."""
    orders = [
        *("before a request is done@2", "before a request is answered@1"),
        *("after a request is answered@1", "after a fact is kept with the study@2"),
    ]
    assert kill_in(orders, tmp_path, Sizes(workers=2, trials=12)).faults == []


def test_a_worker_may_be_killed_while_it_saves(tmp_path: Path) -> None:
    sizes = Sizes(workers=2, trials=5)
    victim = Victim(tmp_path, sizes, "dies='while saving'", f"marks='{tmp_path / 'mark'}'")
    victim.finish()
    found = victim.examine()
    assert found.faults == []
    assert found.attempts == sizes.trials + 4 + 1
