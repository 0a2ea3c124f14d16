"""The search space, as a user of Optuna writes it."""

import optuna

from benchmarks.configurations import Configuration


def suggest(trial: optuna.Trial, epochs: int) -> Configuration:
    """Return the configuration that a trial proposes."""
    return Configuration(
        vocab_size=trial.suggest_categorical("vocab_size", [5000, 10000, 20000]),
        max_length=trial.suggest_categorical("max_length", [50, 100, 200]),
        embedding_dim=trial.suggest_categorical("embedding_dim", [16, 32, 64]),
        units=trial.suggest_int("units", 8, 64, step=8),
        dropout=trial.suggest_float("dropout", 0.0, 0.5, step=0.1),
        batch_size=trial.suggest_categorical("batch_size", [64, 128, 256]),
        learning_rate=trial.suggest_float("learning_rate", 1e-4, 1e-2, log=True),
        epochs=epochs,
    )
