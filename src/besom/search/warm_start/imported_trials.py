"""Trials imported from other studies: stored in the study with a mark, and not counted as its own.

Samplers learn from them as from the trials of another program. They are hidden from pruners, and
no count, ranking or report includes them (:func:`besom.search.trial_row.is_own`).
"""

from collections.abc import Mapping
from typing import Any

from optuna.trial import FrozenTrial, TrialState, create_trial

from besom.common.errors import ConfigError
from besom.search.objective import rank
from besom.search.study import Study
from besom.search.trial_row import IMPORTED, INFEASIBLE, MEASURED, is_violated
from besom.search.warm_start.trials import Transferred, WarmStart


def bring_in(study: Study, given: WarmStart) -> None:
    """Import the trials that the study does not have yet; all or none, if the database can do that.

    In other databases a kill may leave some of them. Each trial is marked with its origin, so that
    none is added twice.

    Raises:
        ConfigError: the trials could not be read, and the study has not imported them before.
    """
    if given.unread and study.recall("warm_start") != list(given.sources):
        raise ConfigError(given.unread)
    if not given.trials:
        return
    with study.transaction():
        known = {_origin(trial) for trial in imported(study)}
        for one in given.trials:
            if (one.source, one.trial.number) not in known:
                study._study.add_trial(_as_optunas(one))
        study.remember("warm_start", list(given.sources))


def imported(study: Study) -> list[FrozenTrial]:
    """Return a study's imported trials, without those that were emptied for a new objective."""
    trials = study._study.get_trials(deepcopy=False)
    return [t for t in trials if IMPORTED in t.user_attrs and t.state is not TrialState.FAIL]


def best_points(
    study: Study, n_best: int, but: Mapping[str, Any] | None
) -> list[Mapping[str, Any]]:
    """Return the points of the best imported trials, the best first.

    With several objectives, trials that no other dominates come first, then those that only these
    dominate.

    Args:
        but: a point to leave out, since it is tried in any case.
    """
    complete = [
        trial
        for trial in imported(study)
        if trial.state is TrialState.COMPLETE and not is_violated(trial)
    ]
    ranks = rank([trial.values for trial in complete], study.directions) if n_best else []
    points: list[Mapping[str, Any]] = []
    for _, trial in sorted(zip(ranks, complete, strict=False), key=lambda pair: pair[0]):
        if trial.params not in (*points, but):
            points.append(trial.params)
    return points[:n_best]


def imported_codes(study: Study) -> list[str]:
    """Return the source code of each imported trial, if known; see :attr:`TrialRow.code`."""
    codes = (trial.user_attrs[IMPORTED].get("code", "") for trial in imported(study))
    return [code for code in codes if code]


def _origin(trial: FrozenTrial) -> tuple[str, int]:
    mark = trial.user_attrs[IMPORTED]
    return mark["study"], mark["trial"]


def _as_optunas(one: Transferred) -> FrozenTrial:
    """Return a trial for Optuna with this study's distributions.

    If a parameter had two different ranges, Optuna's samplers would not model it.
    """
    trial = one.trial
    mark = {"study": one.source, "trial": trial.number, "code": trial.code}
    mark |= {MEASURED: dict(trial.measured)} if trial.measured else {}
    mark |= {INFEASIBLE: True} if trial.is_infeasible else {}
    step, value = trial.last_report or (0, 0.0)
    return create_trial(
        state=TrialState.COMPLETE if trial.values else TrialState.PRUNED,
        values=list(trial.values) or None,
        params=dict(one.params),
        distributions=dict(one.distributions),
        intermediate_values={step: value} if trial.last_report else {},
        user_attrs={IMPORTED: mark | ({"assumed": list(one.assumed)} if one.assumed else {})},
    )
