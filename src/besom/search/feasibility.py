"""Applies a sweep's constraints: informs samplers, and picks the best feasible trial."""

import math
from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from besom.common.states import State
from besom.common.text import few
from besom.search.constraints import NODE, Constraints
from besom.search.objective import NoObjective, refuse_left_out
from besom.search.ranking import front
from besom.search.storage.cached_storage import CachedStorage
from besom.search.trial_row import IMPORTED, MEASURED, PREFIX, TrialRow, is_own

VIOLATION = "constraints:"
"""The prefix of Optuna's system attributes for a trial's constraint violations."""


def refuse_unknown(
    constraints: Constraints, numbers: Mapping[str, float], left_out: Mapping[str, str]
) -> None:
    """Refuse the metrics of a complete trial if the constraints cannot be judged by them.

    Args:
        left_out: values that the task returned and that are not numbers, as text.

    Raises:
        NoObjective: the task did not return a constrained metric.
        ValueError: a constrained metric is NaN, or was not returned as a number.
    """
    if missing := constraints.missing(numbers):
        refuse_left_out(f"the constrained metric {missing[0]}", missing[0], left_out)
        raise NoObjective(
            f"the task returned {few(numbers) or 'nothing'}, but not the constrained metric "
            f"{missing[0]}; return or report it, or leave {NODE}.{missing[0]} out"
        )
    for metric in constraints.metrics:
        if math.isnan(numbers[metric]):
            raise ValueError(f"the constrained metric {metric} is {numbers[metric]}")


def note_violations(
    trial: optuna.Trial, constraints: Constraints, state: State, notes: Mapping[str, Any]
) -> None:
    """Store a trial's constraint violations where Optuna's samplers and dashboard read them.

    Args:
        state: the state in which the trial ends.
        notes: Besom's notes about it, among them ``MEASURED``.
    """
    if state is State.FAILED:
        return
    violations = constraints.violations(notes.get(MEASURED, {}), state is State.COMPLETE)
    for metric, violation in violations.items():
        trial.storage.set_trial_system_attr(trial._trial_id, f"{VIOLATION}{metric}", violation)


def best_of(rows: Sequence[TrialRow], directions: Sequence[str]) -> list[TrialRow]:
    """Return the best of the eligible trials; with several objectives, the Pareto front."""
    return front(rows, lambda row: row.values, directions)


def judge_anew(
    storage: CachedStorage, constraints: Constraints, known: Mapping[str, Mapping[str, float]]
) -> None:
    """Judge a study's ended trials by the present constraints, which may have changed since.

    This changes them in memory only, since Optuna does not change a trial that has ended.

    Args:
        known: metrics that are not kept with the trial; see ``EARLIER``.
    """
    ended = [t for t in storage.everything() if t.state.is_finished() and is_own(t)]
    others = [t for t in storage.everything() if IMPORTED in t.user_attrs]
    storage.show_instead(
        [
            *(_judged(t, constraints, known.get(str(t.number), {})) for t in ended),
            *(_judged_by_what_is_known(t, constraints) for t in others),
        ]
    )


def _judged_by_what_is_known(trial: FrozenTrial, constraints: Constraints) -> FrozenTrial:
    """Return an imported trial with its violations; those that are not known count as 0.

    Its own study may have had no constraints. If its unknown metrics counted as violated, samplers
    would learn that nothing is allowed.
    """
    found = copy(trial)
    known = constraints.violations(trial.user_attrs[IMPORTED].get(MEASURED, {}), False)
    violations = {f"{VIOLATION}{name}": known.get(name, 0.0) for name in constraints.metrics}
    found.system_attrs = trial.system_attrs | violations
    return found


def _judged(
    trial: FrozenTrial, constraints: Constraints, known: Mapping[str, float]
) -> FrozenTrial:
    found = copy(trial)
    numbers = {**known, **trial.user_attrs.get(f"{PREFIX}{MEASURED}", {})}
    violations = constraints.violations(numbers, trial.state is TrialState.COMPLETE)
    others = {k: v for k, v in trial.system_attrs.items() if not k.startswith(VIOLATION)}
    found.system_attrs = others | {f"{VIOLATION}{name}": v for name, v in violations.items()}
    if known:
        found.user_attrs = trial.user_attrs | {f"{PREFIX}{MEASURED}": numbers}
    return found
