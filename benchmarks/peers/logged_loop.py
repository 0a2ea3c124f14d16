"""What a user would write: Optuna's loop, with MLflow's fluent calls in the objective."""

import os
from pathlib import Path

import mlflow
import optuna
from omegaconf import OmegaConf

from benchmarks.fake_sweep import BASELINE, EPOCHS, FACTS, configuration, metrics_after


def objective(trial: optuna.Trial) -> float:
    """Compute and record the same values as a trial of ``fake_sweep.py``."""
    suggest_int, suggest_float = trial.suggest_int, trial.suggest_float
    params = {
        "data.vocab_size": suggest_int("data.vocab_size", 2000, 20000, step=1000),
        "data.max_length": suggest_int("data.max_length", 50, 400, step=10),
        "model.embedding_dim": suggest_int("model.embedding_dim", 8, 128, step=8),
        "model.units": suggest_int("model.units", 8, 128, step=8),
        "training.learning_rate": suggest_float("training.learning_rate", 1e-4, 1e-2, log=True),
        "training.dropout": suggest_float("training.dropout", 0, 0.5),
    }
    overrides = tuple(f"{key}={value}" for key, value in params.items())
    with mlflow.start_run(run_name=f"scale/{trial.number}"):
        mlflow.set_tags(FACTS | {"trial": trial.number})
        mlflow.log_params(configuration(overrides))
        mlflow.log_text(OmegaConf.to_yaml(OmegaConf.create(BASELINE)), "config.yaml")
        mlflow.log_text("\n".join(overrides), "overrides.yaml")
        for epoch in range(1, EPOCHS + 1):
            metrics = metrics_after(trial.number, epoch)
            mlflow.log_metrics(metrics, step=epoch)
            trial.report(metrics["val_accuracy"], epoch)
            if trial.should_prune():
                raise optuna.TrialPruned
    return metrics_after(trial.number, EPOCHS)["val_accuracy"]


def open_study(root: Path) -> optuna.Study:
    """Open the study below ``root``, and read all its trials."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    mlflow.set_tracking_uri(f"sqlite:///{root / 'mlflow.db'}")
    mlflow.set_experiment("besom")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        study_name="scale",
        storage=f"sqlite:///{root / 'optuna.db'}",
        direction="maximize",
        sampler=optuna.samplers.RandomSampler(),
        pruner=optuna.pruners.NopPruner(),
        load_if_exists=True,
    )
    study.get_trials(deepcopy=False)
    return study


def run(study: optuna.Study, n_trials: int) -> None:
    """Run ``n_trials`` more trials."""
    study.optimize(objective, n_trials=n_trials)
