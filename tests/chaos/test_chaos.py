"""The short form of ``make chaos``: some kills at random."""

from pathlib import Path

from tests.chaos.harness import Sizes, Victim, hurt

SMALL = Sizes(workers=2, trials=5)


def test_a_worker_may_be_killed_while_it_saves(tmp_path: Path) -> None:
    victim = Victim(tmp_path, SMALL, "dies='while saving'", f"marks='{tmp_path / 'mark'}'")
    victim.finish()
    found = victim.examine()
    assert found.faults == []
    assert found.attempts == SMALL.trials + 4 + 1


def test_a_sweep_survives_whatever_is_killed(tmp_path: Path) -> None:
    sizes = Sizes(workers=3, trials=30, worker_kills=8, supervisor_kills=2, stops=3)
    done, found = hurt(tmp_path, 1, sizes)
    assert found.faults == []
    assert done.worker_kills >= 6 and done.supervisor_kills == 2
