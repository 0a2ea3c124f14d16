"""Examines what a sweep with kills has left in Optuna and MLflow, through their own APIs."""

import json
import math
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import optuna
from mlflow import MlflowClient
from mlflow.entities import Run
from optuna.trial import FrozenTrial

from besom.search.storage.database import CONFIRMATIONS
from besom.search.trial_row import ENQUEUED, IMPORTED
from besom.tracking import schema
from tests.chaos.steer import Asked

STEPS = 4
"""The number of reports of each trial."""
STATUS = {"COMPLETE": "FINISHED", "PRUNED": "FINISHED", "FAIL": "FAILED"}


@dataclass(frozen=True)
class Stores:
    """The addresses of a sweep's two records: Optuna's database and MLflow."""

    storage: str
    tracking: str

    @classmethod
    def below(cls, root: Path) -> "Stores":
        """Return the default addresses below ``root``."""
        return cls(f"sqlite:///{root / 'optuna.db'}", f"sqlite:///{root / 'mlflow.db'}")


@dataclass
class Findings:
    """What was found: counts, and a description of each fault.

    Attributes:
        losses: what is missing.
        doubles: what exists more than once.
        mismatches: what differs between the two records.
    """

    trials: int
    attempts: int
    losses: list[str] = field(default_factory=list)
    doubles: list[str] = field(default_factory=list)
    mismatches: list[str] = field(default_factory=list)

    @property
    def faults(self) -> list[str]:
        return [*self.losses, *self.doubles, *self.mismatches]


def examine(root: Path, stores: Stores, study: str, asked: Asked, n_confirmations: int) -> Findings:
    """Compare what Optuna and MLflow keep with what the sweep was asked for.

    Args:
        root: the sweep's root folder, whose spool holds what has not been delivered.
    """
    kept = optuna.load_study(study_name=study, storage=stores.storage)
    second = optuna.load_study(study_name=f"{study}{CONFIRMATIONS}", storage=stores.storage)
    trials = [trial for trial in kept.get_trials() if IMPORTED not in trial.user_attrs]
    client = MlflowClient(stores.tracking)
    runs = _runs(client, study)
    attempts = [run for run in runs.values() if run.data.tags[schema.ROLE] != "sweep"]
    found = Findings(len(trials), len(attempts))
    # A trial names a run that began while MLflow was away by its key.
    named = runs | {run.data.tags[schema.KEY]: run for run in attempts}
    _examine_parent([run for run in runs.values() if run not in attempts], found)
    if len(trials) != asked.n_trials:
        found.losses.append(f"{len(trials)} trials of {asked.n_trials}")
    _examine_asked(trials, asked, found)
    for trial in trials:
        _examine_trial(trial, named, client, found)
    _examine_attempts(trials, attempts, found)
    _examine_confirmations(second, named, n_confirmations, found)
    _examine_doubles(attempts, found)
    found.losses += [f"undelivered: {path.name}" for path in (root / "spool").glob("*.jsonl")]
    return found


def _examine_asked(trials: list[FrozenTrial], asked: Asked, found: Findings) -> None:
    """Check that each enqueued point has one trial, and that each stopped trial is marked so."""
    points = Counter(
        json.loads(trial.user_attrs[ENQUEUED])["x"]
        for trial in trials
        if ENQUEUED in trial.user_attrs
    )
    found.losses += [f"no trial at x={x}, enqueued" for x in asked.points if not points[x]]
    found.doubles += [f"{n} trials at x={x}, enqueued once" for x, n in points.items() if n > 1]
    found.mismatches += [
        f"x={x} was not enqueued" for x in points if x not in (*asked.points, *asked.unsure)
    ]
    for number in asked.stopped:
        trial = trials[number]
        if not trial.user_attrs.get("besom.stopped"):
            found.losses.append(f"trial {number} was stopped and does not know it")
        elif trial.state.name not in ("PRUNED", "COMPLETE"):
            found.mismatches.append(f"trial {number} was stopped and is {trial.state.name}")


def _runs(client: MlflowClient, study: str) -> dict[str, Run]:
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    runs, token = {}, None
    while True:
        query = f"tags.`besom.study` = '{study}'"
        page = client.search_runs(experiments, query, max_results=1000, page_token=token)
        runs |= {run.info.run_id: run for run in page}
        token = page.token
        if not token:
            return runs


def _examine_parent(parents: list[Run], found: Findings) -> None:
    """Check that the sweep has one run of its own, which is closed and has its parameters."""
    if len(parents) != 1:
        found.doubles.append(f"{len(parents)} runs of the sweep itself")
    for run in parents:
        if run.info.status != "FINISHED":
            found.losses.append(f"the sweep's own run is {run.info.status}")
        for wanted in ("objective", "direction", "space.x"):
            if wanted not in run.data.params:
                found.losses.append(f"the sweep's own run has no {wanted}")


def _examine_trial(
    trial: FrozenTrial, runs: dict[str, Run], client: MlflowClient, found: Findings
) -> None:
    name = f"trial {trial.number}"
    if not trial.state.is_finished():
        found.losses.append(f"{name} is {trial.state.name}")
        return
    run = runs.get(trial.user_attrs.get("besom.run_id", ""))
    if run is None:
        found.losses.append(f"{name} has no run")
        return
    if run.info.status != STATUS[trial.state.name]:
        found.mismatches.append(f"{name} is {trial.state.name}, its run {run.info.status}")
    if run.data.tags[schema.TRIAL] != str(trial.number):
        found.mismatches.append(f"{name} names the run of {run.data.tags[schema.TRIAL]}")
    if trial.state.name == "COMPLETE":
        _examine_complete(name, trial, run, client, found)


def _examine_complete(
    name: str, trial: FrozenTrial, run: Run, client: MlflowClient, found: Findings
) -> None:
    history = client.get_metric_history(run.info.run_id, "loss")
    steps = Counter(entry.step for entry in history)
    # The last step has two values: the reported and the returned one.
    expected = dict.fromkeys(range(1, STEPS), 1) | {STEPS: 2}
    if "besom.reused" in trial.user_attrs:
        expected = {STEPS: 1}
    for step, count in expected.items():
        if steps[step] < count:
            found.losses.append(f"{name}: loss after step {step} {steps[step]} times")
        elif steps[step] > count:
            found.doubles.append(f"{name}: loss after step {step} {steps[step]} times")
    assert trial.value is not None
    if not math.isclose(run.data.metrics.get("loss", math.nan), trial.value):
        found.mismatches.append(f"{name}: {trial.value}, its run {run.data.metrics.get('loss')}")
    there = client.list_artifacts(run.data.tags.get(schema.DUPLICATE_OF, run.info.run_id))
    for wanted in (schema.CONFIG_FILE, "weights.txt"):
        if not any(item.path == wanted for item in there):
            found.losses.append(f"{name}: no {wanted}")


def _examine_attempts(trials: list[FrozenTrial], attempts: list[Run], found: Findings) -> None:
    """Check that each attempt is closed and names a trial, and that only one of a trial counts."""
    counting = {trial.user_attrs.get("besom.run_id") for trial in trials}
    numbers = {str(trial.number) for trial in trials}
    for run in attempts:
        tags = run.data.tags
        name = run.info.run_name
        if run.info.status == "RUNNING":
            found.losses.append(f"run {name} is RUNNING")
        if schema.CONFIRMS in tags:
            continue
        if tags.get(schema.TRIAL) not in numbers:
            found.mismatches.append(f"run {name} names no trial")
        if not counting & {run.info.run_id, tags[schema.KEY]} and run.info.status != "KILLED":
            found.doubles.append(f"run {name}, {run.info.status}, beside that which counts")


def _examine_confirmations(
    study: optuna.Study, runs: dict[str, Run], expected: int, found: Findings
) -> None:
    """Check the confirmations, which are the trials of a second study."""
    trials = study.get_trials()
    if len(trials) != expected:
        found.losses.append(f"{len(trials)} confirmations of {expected}")
    for trial in trials:
        facts = trial.user_attrs
        name = f"confirmation {facts['besom.confirms']} seed {facts['besom.seed']}"
        run = runs.get(facts.get("besom.run_id", ""))
        if trial.state.name != "COMPLETE" or run is None:
            found.losses.append(f"{name} is {trial.state.name}, run {run and run.info.status}")
        elif run.info.status != "FINISHED":
            found.mismatches.append(f"{name} is complete, its run {run.info.status}")


def _examine_doubles(attempts: list[Run], found: Findings) -> None:
    finished = Counter(
        (run.data.tags[schema.CONFIRMS], run.data.tags[schema.SEED])
        for run in attempts
        if schema.CONFIRMS in run.data.tags and run.info.status == "FINISHED"
    )
    found.doubles += [f"confirmation {pair} {n} times" for pair, n in finished.items() if n > 1]
