"""Bounds the regret of a study's best trial, as Optuna's terminator does."""

import warnings
from collections.abc import Set

import optuna
from optuna.trial import TrialState

from besom.search.algorithms.windowed_sampler import OUTSIDE
from besom.search.trial_row import IMPORTED

FEWEST_TRIALS = 20
"""Complete ones; Optuna's terminator waits for as many."""


def regret_bound(study: optuna.Study, searched: Set[str]) -> float | None:
    """An upper bound, which holds with high probability, of the distance between the best value and
    the best that the space holds, in units of the objective. None as long as trials are too few.

    A Gaussian process is fitted to the better half of the complete trials: what they have in common
    is looked at. The bound is the highest upper confidence bound in the space less the highest
    lower one among these trials. It is the part of ``optuna.terminator.Terminator`` that looks at
    improvement; the other one, of the error of cross-validation, is the user's number here.

    Args:
        searched: the keys that each trial has; those that lack one are of other spaces.

    Source: Makarova et al., Automatic termination for hyperparameter optimization, 2022,
    https://proceedings.mlr.press/v188/makarova22a.html
    """
    trials = [
        trial
        for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        if trial.params.keys() >= searched
        if trial.user_attrs.get(OUTSIDE) is None and IMPORTED not in trial.user_attrs
        if all(violation <= 0 for violation in trial.constraints.values())
    ]
    if len(trials) < FEWEST_TRIALS:
        return None
    from optuna.terminator import RegretBoundEvaluator

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # experimental, and what torch and scipy say of a poor fit
        return float(RegretBoundEvaluator(seed=0).evaluate(trials, study.direction))
