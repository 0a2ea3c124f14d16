"""Run the small applications of tests/apps as users do, and read the records that they leave."""

import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import optuna
from mlflow import MlflowClient
from optuna.trial import FrozenTrial

from besom.search.storage.database import CONFIRMATIONS
from besom.tracking import schema
from tests import warm

APPS = Path(__file__).parents[1] / "apps"


def command(app: str, *arguments: str) -> list[str]:
    return [sys.executable, str(APPS / f"{app}.py"), "-m", "hydra/sweeper=besom", *arguments]


def run(app: str, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run one sweep to its end, with one worker unless the arguments set ``n_jobs``."""
    return warm.run(command(app, "hydra.sweeper.n_jobs=1", *arguments)[1:], folder)


def run_cold(app: str, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run one sweep to its end in a newly started Python, with the default ``n_jobs``."""
    return subprocess.run(
        command(app, *arguments), cwd=folder, capture_output=True, text=True, timeout=120
    )


def start(app: str, *arguments: str, folder: Path) -> warm.Process:
    """Start a sweep and return its process, for a test to signal or kill it."""
    return warm.Process(command(app, *arguments)[1:], folder, merged=True, session=True)


@dataclass(frozen=True)
class Audit:
    """A study's trials in Optuna, and its runs' statuses, tags and metrics in MLflow, by run id."""

    trials: list[FrozenTrial]
    statuses: dict[str, str]
    tags: dict[str, dict[str, str]]
    metrics: dict[str, dict[str, float]]

    def states(self) -> Counter[str]:
        return Counter(trial.state.name for trial in self.trials)


def audit(root: Path, study: str) -> Audit:
    """Read a study from Optuna and MLflow, and assert that the two agree.

    Every ended trial names one run, which is closed and names the trial. Every other run of the
    study is a killed attempt, a confirmation or the sweep's own. The spool holds no log.
    """
    database = f"sqlite:///{root / 'optuna.db'}"
    kept = optuna.load_study(study_name=study, storage=database)
    trials = kept.get_trials()
    client = MlflowClient(f"sqlite:///{root / 'mlflow.db'}")
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    runs = client.search_runs(experiments, f"tags.`besom.study` = '{study}'", max_results=5000)
    found = Audit(
        trials,
        {run.info.run_id: run.info.status for run in runs},
        {run.info.run_id: run.data.tags for run in runs},
        {run.info.run_id: run.data.metrics for run in runs},
    )
    ended = [trial for trial in trials if trial.state.is_finished()]
    of_trials = {trial.user_attrs["besom.run_id"]: trial for trial in ended}
    assert len(of_trials) == len(ended)
    expected = {"COMPLETE": "FINISHED", "PRUNED": "FINISHED", "FAIL": "FAILED"}
    for run_id, trial in of_trials.items():
        assert found.statuses[run_id] == expected[trial.state.name]
        assert found.tags[run_id][schema.TRIAL] == str(trial.number)
    confirmations = {
        trial.user_attrs.get("besom.run_id"): trial for trial in confirmations_of(study, database)
    }
    for run_id, trial in confirmations.items():
        if run_id is not None:
            assert found.tags[run_id][schema.CONFIRMS] == str(trial.user_attrs[schema.CONFIRMS])
            assert found.tags[run_id][schema.SEED] == str(trial.user_attrs[schema.SEED])
        if trial.state.is_finished():
            assert found.statuses[run_id] == expected[trial.state.name]
    for run_id in found.statuses.keys() - of_trials.keys() - confirmations.keys():
        if found.tags[run_id][schema.ROLE] != "sweep":
            assert found.statuses[run_id] == "KILLED", found.tags[run_id]
    assert not list((root / "spool").glob("*.jsonl"))
    return found


def confirmations_of(study: str, database: str) -> list[FrozenTrial]:
    """Return the trials of a study's confirmation study; none if there is no such study."""
    names = optuna.get_all_study_names(database)
    second = f"{study}{CONFIRMATIONS}"
    return optuna.load_study(study_name=second, storage=database).trials if second in names else []


def n_ended(root: Path, study: str) -> int:
    """Return how many trials have ended; 0 if there is no study yet.

    Reads SQLite read-only, since ``optuna.load_study`` would create missing tables.
    """
    query = (
        "SELECT COUNT(*) FROM trials JOIN studies USING (study_id) "
        "WHERE study_name = ? AND state IN ('COMPLETE', 'PRUNED', 'FAIL')"
    )
    try:
        with closing(sqlite3.connect(f"file:{root / 'optuna.db'}?mode=ro", uri=True)) as database:
            [(n_trials,)] = database.execute(query, (study,)).fetchall()
    except sqlite3.OperationalError:  # no file yet, or no table
        return 0
    return int(n_trials)
