"""A search by Optuna with ``MedianPruner``: two processes with a core each and one SQLite file.

python -m benchmarks.peers.search_pruned SECONDS SEED EPOCHS RESULTS.jsonl
"""

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.peers import ONE_THREAD

N_PROCESSES = 2


def main(words: list[str]) -> int:
    """Create the study, start the processes and wait for them; return 0 if all have succeeded."""
    import optuna

    storage = f"sqlite:///{Path(words[3]).with_suffix('.db').absolute()}"
    optuna.create_study(study_name="search", storage=storage, direction="maximize")
    environment = os.environ | ONE_THREAD
    one = [sys.executable, "-m", "benchmarks.peers.search_pruned", *words, storage]
    processes = [
        subprocess.Popen([*one, str(number)], env=environment) for number in range(N_PROCESSES)
    ]
    return max(process.wait() for process in processes)


def work(seconds: float, seed: int, epochs: int, results: Path, storage: str) -> None:
    """Run trials for ``seconds`` in one process; Optuna may prune them after any epoch."""
    import keras
    import optuna

    from benchmarks.peers import reference
    from benchmarks.peers.suggest import suggest
    from benchmarks.search import log

    def objective(trial: optuna.Trial) -> float:
        def report(epoch: int, logs: dict[str, float]) -> None:
            trial.report(logs["val_accuracy"], epoch)
            if trial.should_prune():
                raise optuna.TrialPruned

        configuration = suggest(trial, epochs)
        model = reference.build(configuration)
        callback = keras.callbacks.LambdaCallback(on_epoch_end=report)
        value = max(reference.fit(model, configuration, [callback]))
        log.note(configuration, value, results)
        return value

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.load_study(
        study_name="search",
        storage=storage,
        sampler=optuna.samplers.TPESampler(seed=seed),
        pruner=optuna.pruners.MedianPruner(),
    )
    study.optimize(objective, timeout=seconds)


if __name__ == "__main__":
    if len(sys.argv) == 5:
        sys.exit(main(sys.argv[1:]))
    _, seconds, seed, epochs, results, storage, number = sys.argv
    own_seed = N_PROCESSES * int(seed) + int(number)
    work(float(seconds), own_seed, int(epochs), Path(results), storage)
