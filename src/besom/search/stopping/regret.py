"""Bounds the regret of a study's best trial, as Optuna's terminator does."""

import warnings
from collections.abc import Set

import optuna
from optuna.trial import TrialState

from besom.search.algorithms.windowed_sampler import OUTSIDE
from besom.search.trial_row import IMPORTED

FEWEST_TRIALS = 20
"""The least number of complete trials; Optuna's terminator waits for as many."""


def regret_bound(study: optuna.Study, searched: Set[str]) -> float | None:
    """Return an upper bound on how far the best value so far is from the best in the space.

    The bound is in units of the objective and holds with high probability. It is None while there
    are too few trials. A Gaussian process is fitted to the better half of the complete trials, over
    the parameters that all of them have. The bound is the highest upper confidence bound in the
    space minus the highest lower one among these trials. ``optuna.terminator.Terminator`` compares
    this bound with the error of a cross-validation; here it is compared with the user's number.

    Args:
        searched: the keys that each trial has. Trials that lack one, of another space, are ignored.

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
        # Optuna warns that this is experimental, and torch and scipy warn of a poor fit.
        warnings.simplefilter("ignore")
        return float(RegretBoundEvaluator(seed=0).evaluate(trials, study.direction))
