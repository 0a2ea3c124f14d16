"""Optuna with joblib: two processes with a core each, which share a study in one SQLite file.

python -m benchmarks.peers.two_processes train CONFIGURATIONS.json RESULTS.jsonl
python -m benchmarks.peers.two_processes spin SECONDS TRIALS RESULTS.jsonl
"""

import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import joblib
import optuna
from optuna.study import MaxTrialsCallback
from optuna.trial import TrialState

from benchmarks import configurations, trials
from benchmarks.configurations import Configuration
from benchmarks.peers import ONE_THREAD

N_PROCESSES = 2
BEGUN = tuple(state for state in TrialState if state is not TrialState.WAITING)

Objective = Callable[[optuna.Trial], float]


def train(listed: Path, results: Path) -> None:
    """Train the listed configurations in their order: every trial is enqueued."""
    chosen = [asdict(configuration) for configuration in configurations.read(listed)]
    values = {key: sorted({one[key] for one in chosen}) for key in chosen[0]}
    _optimize(partial(_train, values, results), results, len(chosen), chosen)


def spin(seconds: float, n_trials: int, results: Path) -> None:
    """Run trials that spin and report."""
    _optimize(partial(_spin, seconds, results), results, n_trials)


def _optimize(
    objective: Objective, results: Path, n_trials: int, points: Sequence[dict[str, Any]] = ()
) -> None:
    storage = f"sqlite:///{results.with_suffix('.db').absolute()}"
    study = optuna.create_study(study_name="study", storage=storage, direction="maximize")
    for point in points:
        study.enqueue_trial(point)
    os.environ.update(ONE_THREAD)
    work = joblib.delayed(_work)(objective, storage, n_trials)
    joblib.Parallel(n_jobs=N_PROCESSES)([work] * N_PROCESSES)


def _work(objective: Objective, storage: str, n_trials: int) -> None:
    """Run trials in one process until both processes together have run ``n_trials``."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.load_study(
        study_name="study",
        storage=storage,
        sampler=optuna.samplers.RandomSampler(),
        pruner=optuna.pruners.NopPruner(),
    )
    study.optimize(objective, callbacks=[MaxTrialsCallback(n_trials, states=BEGUN)])


def _train(values: dict[str, list[Any]], results: Path, trial: optuna.Trial) -> float:
    from benchmarks.peers import reference

    suggested = {key: trial.suggest_categorical(key, values[key]) for key in values}
    configuration = Configuration(**suggested)
    accuracies = reference.fit(reference.build(configuration), configuration)
    trials.note(accuracies, results)
    return max(accuracies)


def _spin(seconds: float, results: Path, trial: optuna.Trial) -> float:
    from benchmarks import spinning

    started = time.time()
    number = trial.suggest_int("number", 0, 100_000)

    def report(step: int) -> None:
        trial.report(number, step)
        if trial.should_prune():
            raise optuna.TrialPruned

    spinning.spin(seconds, report)
    trials.note([float(number)], results, started)
    return float(number)


if __name__ == "__main__":
    _, what, *words = sys.argv
    if what == "train":
        train(Path(words[0]), Path(words[1]))
    else:
        spin(float(words[0]), int(words[1]), Path(words[2]))
