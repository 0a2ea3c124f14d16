"""The enqueued points of a study: the baseline, and those of users and of other programs."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState

from besom.search.algorithms.windowed_sampler import OUTSIDE
from besom.search.trial_row import ENQUEUED, FIXED, IMPORTED, OWN


def enqueue(study: Study, params: Mapping[str, Any], outside: Mapping[str, Any] | None) -> None:
    """Enqueue the baseline; see :meth:`besom.search.study.Study.enqueue`."""
    own = _baseline(study)
    if own is None:
        notes = {OWN: True} | ({} if outside is None else {OUTSIDE: dict(outside)})
        study.enqueue_trial(dict(params), user_attrs=notes)
    elif own.system_attrs.get(FIXED) != params or own.user_attrs.get(OUTSIDE) != outside:
        study._storage.set_trial_system_attr(own._trial_id, FIXED, dict(params))
        study._storage.set_trial_user_attr(own._trial_id, OUTSIDE, outside)


def withdraw(study: Study) -> None:
    """Withdraw the enqueued baseline; see :meth:`besom.search.study.Study.withdraw`.

    Its trial has a number already and cannot be removed, so it becomes one without given values.
    """
    if _baseline(study):
        enqueue(study, {}, None)


def _baseline(study: Study) -> FrozenTrial | None:
    """Return the waiting trial of the baseline, if there is one."""
    waiting = study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
    return next((trial for trial in waiting if OWN in trial.user_attrs), None)


def enqueue_once(study: Study, points: Iterable[Mapping[str, Any]]) -> list[int]:
    """Enqueue each point unless a trial has it; see :meth:`besom.search.study.Study.enqueue_once`.

    A trial is created together with its point. So a kill between two points neither loses nor
    repeats one, in any database.
    """
    trials = study.get_trials(deepcopy=False)
    known = {_asked_for(trial): trial.number for trial in reversed(trials)}
    numbers = []
    for point in points:
        if (key := json.dumps(dict(point), sort_keys=True)) not in known:
            study.enqueue_trial(dict(point), user_attrs={ENQUEUED: key})
            known[key] = study.get_trials(deepcopy=False)[-1].number
        numbers.append(known[key])
    return numbers


def _asked_for(trial: FrozenTrial) -> str | None:
    """Return the point (JSON) of an enqueued trial: the user's, or the baseline's."""
    if OWN in trial.user_attrs and FIXED in trial.system_attrs:
        return json.dumps(trial.system_attrs[FIXED], sort_keys=True)
    return trial.user_attrs.get(ENQUEUED)


def of_other_studies(study: Study) -> list[FrozenTrial]:
    """Return the trials imported from other studies, and the waiting ones with their points."""
    trials = study.get_trials(deepcopy=False)
    imported = [trial for trial in trials if IMPORTED in trial.user_attrs]
    points = [trial.params for trial in imported]
    waiting = [t for t in trials if t.state is TrialState.WAITING and ENQUEUED in t.user_attrs]
    return [*imported, *(t for t in waiting if t.system_attrs.get(FIXED) in points)]


def leave_out_unfit(study: Study, space: Mapping[str, BaseDistribution]) -> list[str]:
    """End enqueued points that no trial can have.

    See :meth:`besom.search.study.Study.leave_out_unfit`.
    """
    sentences = []
    for trial in study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
        if values := _unfit_values(trial, space):
            study._storage.set_trial_state_values(trial._trial_id, TrialState.RUNNING)
            study.tell(trial.number, state=TrialState.FAIL)
            sentences.append(
                f"trial {trial.number} was enqueued with {', '.join(values)}, "
                "which does not fit the search space: it is left out."
            )
    return sentences


def _unfit_values(trial: FrozenTrial, space: Mapping[str, BaseDistribution]) -> list[str]:
    """Return the values of an enqueued point of the wrong type, such as text for a number.

    Optuna raises an error for them. For a number outside its range it only warns, and runs it.
    """
    point = trial.system_attrs.get(FIXED, {})
    return [
        f"{key}={value!r}"
        for key, value in point.items()
        if key in space and not _fits(value, space[key])
    ]


def _fits(value: object, distribution: BaseDistribution) -> bool:
    try:
        distribution.to_internal_repr(value)
    except ValueError:
        return False
    return True
