"""Ray Tune with two actors, each reused for its next trial, and Tune's own callback for MLflow.

python -m benchmarks.peers.ray_tune train CONFIGURATIONS.json RESULTS.jsonl
python -m benchmarks.peers.ray_tune spin SECONDS TRIALS RESULTS.jsonl
"""

import os
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import ray
from ray import tune
from ray.air.integrations.mlflow import MLflowLoggerCallback

from benchmarks import configurations, trials
from benchmarks.configurations import Configuration
from benchmarks.peers import ONE_THREAD

N_CPUS = 2

Task = Callable[[dict[str, Any]], None]


def train(listed: Path, results: Path) -> None:
    """Train the listed configurations in their order."""
    chosen = configurations.read(listed)
    numbers = tune.grid_search(list(range(len(chosen))))
    _tune(partial(_train, chosen, results), {"number": numbers}, 1, results)


def spin(seconds: float, n_trials: int, results: Path) -> None:
    """Run trials that spin and report."""
    number = tune.randint(0, 100_000)
    _tune(partial(_spin, seconds, results), {"number": number}, n_trials, results)


def _tune(task: Task, space: dict[str, Any], n_samples: int, results: Path) -> None:
    folder = results.parent.absolute()
    os.environ.update(ONE_THREAD)
    ray.init(address="local", num_cpus=N_CPUS, include_dashboard=False, log_to_driver=False)
    record = MLflowLoggerCallback(
        tracking_uri=f"sqlite:///{folder}/mlflow.db", experiment_name="tune", save_artifact=False
    )
    tuner = tune.Tuner(
        tune.with_resources(task, {"cpu": 1}),
        param_space=space,
        tune_config=tune.TuneConfig(
            metric="value", mode="max", num_samples=n_samples, reuse_actors=True
        ),
        run_config=tune.RunConfig(storage_path=str(folder), callbacks=[record], verbose=0),
    )
    failed = tuner.fit().errors
    if failed:
        raise failed[0]


def _train(chosen: list[Configuration], results: Path, point: dict[str, Any]) -> None:
    import keras

    from benchmarks.peers import reference

    configuration = chosen[point["number"]]
    callback = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: tune.report({**logs, "value": logs["val_accuracy"]})
    )
    accuracies = reference.fit(reference.build(configuration), configuration, [callback])
    trials.note(accuracies, results)


def _spin(seconds: float, results: Path, point: dict[str, Any]) -> None:
    from benchmarks import spinning

    started = time.time()
    spinning.spin(seconds, lambda step: tune.report({"value": point["number"]}))
    trials.note([float(point["number"])], results, started)


if __name__ == "__main__":
    _, what, *words = sys.argv
    if what == "train":
        train(Path(words[0]).absolute(), Path(words[1]).absolute())
    else:
        spin(float(words[0]), int(words[1]), Path(words[2]).absolute())
