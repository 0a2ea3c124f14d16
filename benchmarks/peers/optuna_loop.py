"""A plain Optuna loop over stock Keras, in one process.

python -m benchmarks.peers.optuna_loop CONFIGURATIONS.json RESULTS.jsonl
"""

import sys
from dataclasses import asdict
from pathlib import Path

import optuna

from benchmarks import configurations, trials
from benchmarks.configurations import Configuration
from benchmarks.peers import reference


def main(listed: Path, results: Path) -> None:
    """Train the listed configurations in their order: every trial is enqueued."""
    chosen = [asdict(configuration) for configuration in configurations.read(listed)]
    values = {key: sorted({one[key] for one in chosen}) for key in chosen[0]}

    def objective(trial: optuna.Trial) -> float:
        suggested = {key: trial.suggest_categorical(key, values[key]) for key in values}
        configuration = Configuration(**suggested)
        accuracies = reference.fit(reference.build(configuration), configuration)
        trials.note(accuracies, results)
        return max(accuracies)

    study = optuna.create_study(direction="maximize")
    for one in chosen:
        study.enqueue_trial(one)
    study.optimize(objective, n_trials=len(chosen))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
