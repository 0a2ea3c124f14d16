"""MLflow servers that are down for long, and servers that hang."""

import time
from pathlib import Path
from statistics import median

import optuna
import pytest

from besom.tracking.outbox.sender import RETRY_SECONDS
from tests.processes import wait_for
from tests.servers import MlflowServer, hanging
from tests.sweep.apps import n_ended
from tests.sweep.test_outage import STEPS, back, check, sweep

pytestmark = pytest.mark.slow

SECONDS = 0.3
"""The length of a step."""
AWAY_SECONDS = sum(RETRY_SECONDS) + 12
"""Longer than all pauses of the sender, which retries after 1, 2, 5, 10 and 30 s, and from then on
every 30 s. A longer outage only adds retries, and entries to each run's log."""


def n_trials_for(seconds: float) -> int:
    """Return a number of trials that keeps two workers busy for longer than ``seconds``."""
    return int(seconds / (STEPS * SECONDS) * 2) + 20


def test_a_server_that_was_away_for_long_gets_everything(server: MlflowServer, root: Path) -> None:
    n_trials = n_trials_for(AWAY_SECONDS)
    with server.up():
        process = sweep(server, root.parent, SECONDS, n_trials)
        wait_for(lambda: n_ended(root, "stepping") >= 2)
    before = n_ended(root, "stepping")
    time.sleep(AWAY_SECONDS)
    assert process.poll() is None
    assert n_ended(root, "stepping") > before + n_trials / 2, "training went on"
    with back(server, process):
        output, _ = process.communicate(timeout=180)
        assert process.returncode == 0, output
        check(server, root, n_trials)


@pytest.mark.parametrize(
    "seconds",
    [5, pytest.param(40, id="40, longer than MLflow's client waits and asks again")],
)
def test_a_server_that_hangs_holds_up_no_training(
    server: MlflowServer, root: Path, seconds: float
) -> None:
    n_trials = n_trials_for(seconds)
    with server.up() as group:
        process = sweep(server, root.parent, SECONDS, n_trials)
        wait_for(lambda: n_ended(root, "stepping") >= 2)
        with hanging(group):
            before = n_ended(root, "stepping")
            time.sleep(seconds)
            done = n_ended(root, "stepping") - before
        output, _ = process.communicate(timeout=180)
        assert process.returncode == 0, output
        check(server, root, n_trials)
    assert done > seconds - 3, "training went on"
    study = optuna.load_study(study_name="stepping", storage=f"sqlite:///{root / 'optuna.db'}")
    durations = [trial.duration.total_seconds() for trial in study.get_trials() if trial.duration]
    held = [seconds - median(durations) for seconds in durations]
    assert sum(extra for extra in held if extra > 1) < 2 * 3, "two workers, 3 s each"
