"""Checks the values of the ``training`` group."""

import math

from besom.common.errors import ConfigError
from besom.rnn.config import Training
from besom.rnn.engines.base import CLASS_WEIGHTS, ENGINES, OPTIMIZERS, SCHEDULES
from besom.rnn.refusals import at_least_one, one_of

SHUFFLES = ("every_epoch", "once")


def check_training(training: Training) -> None:
    """Refuse values with which a training cannot start."""
    one_of("training.optimizer", training.optimizer, OPTIMIZERS)
    one_of("training.engine", training.engine, ENGINES)
    one_of("training.shuffle", training.shuffle, SHUFFLES)
    if training.class_weight is not None:
        one_of("training.class_weight", training.class_weight, CLASS_WEIGHTS)
    at_least_one("training.batch_size", training.batch_size)
    at_least_one("training.epochs", training.epochs)
    if training.patience is not None:
        at_least_one("training.patience", training.patience, otherwise="or null for no limit")
    if not (math.isfinite(training.learning_rate) and training.learning_rate > 0):
        raise ConfigError(
            f"`training.learning_rate={training.learning_rate}` is not a finite number above 0; "
            "give 0.001, say"
        )
    _check_optimizer(training)
    if not 0 < training.validation_split < 1:
        raise ConfigError(
            f"`training.validation_split={training.validation_split}` is outside (0, 1); give the "
            "share of the training texts to validate on, 0.2 say"
        )


def _check_optimizer(training: Training) -> None:
    """Refuse values of the optimizer that are out of range."""
    decay, norm, warmup = training.weight_decay, training.global_clipnorm, training.warmup
    if decay is not None and not 0 <= decay < 1:
        raise ConfigError(
            f"`training.weight_decay={decay}` is outside [0, 1); give 0.01, say, or null for none"
        )
    if norm is not None and not (math.isfinite(norm) and norm > 0):
        raise ConfigError(
            f"`training.global_clipnorm={norm}` is not a finite number above 0; give 1.0, say, or "
            "null for no clipping"
        )
    if training.learning_rate_schedule is not None:
        one_of("training.learning_rate_schedule", training.learning_rate_schedule, SCHEDULES)
    if warmup is not None and not 0 <= warmup < 1:
        raise ConfigError(
            f"`training.warmup={warmup}` is outside [0, 1); give the share of all steps, 0.1 say, "
            "or null for none"
        )


def check_sizes(training: Training, texts: int, train_texts: int) -> None:
    """Refuse an empty validation split, and a batch larger than the training split.

    Args:
        training: the ``training`` group.
        texts: the number of texts of the training and validation splits.
        train_texts: the number of texts of the training split.
    """
    if train_texts == texts:
        raise ConfigError(
            f"`training.validation_split={training.validation_split}` leaves none of {texts} "
            "texts to validate on; give more"
        )
    if training.batch_size > train_texts:
        raise ConfigError(
            f"`training.batch_size={training.batch_size}` is above the {train_texts} texts of "
            "the training split; give less, or lower `training.validation_split`"
        )
