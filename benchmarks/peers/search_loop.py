"""A search by a plain Optuna loop in one process on both cores, without pruning.

python -m benchmarks.peers.search_loop SECONDS SEED EPOCHS RESULTS.jsonl
"""

import sys
from pathlib import Path

import optuna

from benchmarks.peers import reference
from benchmarks.peers.suggest import suggest
from benchmarks.search import log


def main(seconds: float, seed: int, epochs: int, results: Path) -> None:
    """Search for ``seconds``; the trial that runs at the end is finished, but too late to count."""

    def objective(trial: optuna.Trial) -> float:
        configuration = suggest(trial, epochs)
        value = max(reference.fit(reference.build(configuration), configuration))
        log.note(configuration, value, results)
        return value

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(seed=seed)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.optimize(objective, timeout=seconds)


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
