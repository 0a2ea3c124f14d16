"""A short form of ``make chaos``, with a few random kills."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.chaos.harness import Sizes, hurt
from tests.chaos.on_ray import Blows, hurt_on_ray
from tests.chaos.phases import PHASES


@pytest.mark.parametrize("phase", PHASES)
def test_each_phase_is_one_of_the_code(phase: str) -> None:
    """Find a renamed function without the kills themselves, which are slow."""
    owner, name, _ = PHASES[phase]
    assert callable(getattr(owner, name))


@pytest.mark.slow  # test_sweep kills each kind of process once
def test_a_sweep_survives_whatever_is_killed(tmp_path: Path) -> None:
    sizes = Sizes(workers=3, trials=30, seconds=0.05, worker_kills=8, supervisor_kills=2, stops=3)
    done, found = hurt(tmp_path, 1, replace(sizes, requests=9))
    assert found.faults == []
    assert done.requests >= 2  # a request to stop a trial that has just ended is refused
    assert done.worker_kills >= 6 and done.supervisor_kills == 2


def test_a_sweep_on_ray_survives_whatever_is_killed(tmp_path: Path) -> None:
    """This seed kills the node and the supervisor half-way. On a busy machine the last trials end
    while the death of an actor is awaited, so a later kill finds no process.
    """
    sizes = Sizes(workers=4, trials=24, seconds=0.2)
    done, _, found = hurt_on_ray(tmp_path, 37, sizes, Blows(actors=6, nodes=1, supervisors=1))
    assert found.faults == []
    assert done.worker_kills >= 4 and done.restarts == done.supervisor_kills == 1
