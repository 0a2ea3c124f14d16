"""Makes Optuna's pruners from the options in ``options.py``."""

from collections.abc import Callable
from typing import Any

import optuna
from optuna.pruners import BasePruner

from besom.app.own_code import named
from besom.common.errors import ConfigError
from besom.search.algorithms.by_path import ByPath
from besom.search.algorithms.experimental_warnings import unwarned
from besom.search.algorithms.options import (
    AshaPruner,
    HyperbandPruner,
    MedianPruner,
    NoPruner,
    PatientPruner,
    ThresholdPruner,
)


def make_pruner(options: Any) -> BasePruner:
    """Return the pruner for ``options``: a dataclass of ``options.py``, or a :class:`ByPath`.

    Raises:
        ConfigError: the pruner does not accept a value, or there is no such pruner.
    """
    try:
        with unwarned():
            if isinstance(options, ByPath):
                return _named(options.written, options.make(BasePruner))
            return _MAKERS[options.name](options)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"hydra/sweeper/pruner={options.name}: {error}") from error


def _named(written: str, pruner: BasePruner) -> BasePruner:
    # The method is replaced, and the object not wrapped: samplers check whether the pruner is an
    # instance of Optuna's HyperbandPruner.
    pruner.prune = named(written, pruner.prune)  # type: ignore[method-assign]
    return pruner


def _none(options: NoPruner) -> BasePruner:
    return optuna.pruners.NopPruner()


def _median(options: MedianPruner) -> BasePruner:
    return optuna.pruners.MedianPruner(
        n_startup_trials=options.n_startup_trials,
        n_warmup_steps=options.n_warmup_steps,
        interval_steps=options.interval_steps,
    )


def _asha(options: AshaPruner) -> BasePruner:
    return optuna.pruners.SuccessiveHalvingPruner(
        min_resource=options.min_resource,
        reduction_factor=options.reduction_factor,
        min_early_stopping_rate=options.min_early_stopping_rate,
    )


def _hyperband(options: HyperbandPruner) -> BasePruner:
    longest = options.max_resource  # Optuna itself checks it only at the first report
    if longest != "auto" and not (isinstance(longest, int) and longest >= options.min_resource):
        raise ValueError(f"max_resource={longest}: must be auto, or at least min_resource")
    return optuna.pruners.HyperbandPruner(
        min_resource=options.min_resource,
        max_resource=options.max_resource,
        reduction_factor=options.reduction_factor,
    )


def _patient(options: PatientPruner) -> BasePruner:
    return optuna.pruners.PatientPruner(
        None, patience=options.patience, min_delta=options.min_delta
    )


def _threshold(options: ThresholdPruner) -> BasePruner:
    return optuna.pruners.ThresholdPruner(
        lower=options.lower,
        upper=options.upper,
        n_warmup_steps=options.n_warmup_steps,
        interval_steps=options.interval_steps,
    )


_MAKERS: dict[str, Callable[[Any], BasePruner]] = {
    "none": _none,
    "median": _median,
    "asha": _asha,
    "hyperband": _hyperband,
    "patient": _patient,
    "threshold": _threshold,
}
