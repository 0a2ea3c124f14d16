"""Defines a search space in which each model has its own parameters, for
``hydra.sweeper.custom_search_space``.

The parameters that all models share, and ``model`` itself, are in ``params``: see
``sweeps/best.yaml``.
"""

from typing import Any


def suggest(config: object, trial: Any) -> None:
    """Suggest the sizes of the network that a trial has chosen.

    Args:
        config: the baseline.
        trial: Optuna's trial, with ``model`` among its parameters. Without it nothing is suggested.
    """
    match trial.params.get("model"):
        case "fasttext":
            trial.suggest_categorical("model.ngrams", [1, 2, 3])
            trial.suggest_categorical("model.buckets", [50_000, 100_000, 200_000])
        case "convolution":
            trial.suggest_categorical("model.filters", [32, 64, 128])
        case "bidirectional_gru":
            trial.suggest_categorical("model.units", [16, 32])
            trial.suggest_categorical("model.pooling", ["max", "mean"])
