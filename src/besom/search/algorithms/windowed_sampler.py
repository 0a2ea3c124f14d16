"""Samplers are shown a part of the study's trials.

A baseline outside the space has none of its parameters: with it, Optuna's samplers would find no
parameter that all trials have, and propose each of them alone. And a long history makes proposals
dear.
"""

import copy
import heapq
from collections.abc import Container, Sequence
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

UNFINISHED = (TrialState.RUNNING, TrialState.WAITING)
OUTSIDE = "besom.outside"
"""The attribute of a trial that is a baseline outside the space."""

# As many as TPE counts among the good ones at most.
N_BEST = 25


class WindowedSampler(BaseSampler):
    """Shows ``sampler`` the trials that were proposed: the ``history`` newest of those that have
    ended, and those that run.

    With one objective it sees the 25 best of all as well: those are what TPE models as good, so
    only its picture of the others gets coarser. Where ``history`` is None it sees all.
    """

    def __init__(self, sampler: BaseSampler, history: int | None = None) -> None:
        self._sampler = sampler
        self._history = history
        self._shown: tuple[int, _Window] | None = None

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        return self._sampler.infer_relative_search_space(self._window(study, trial), trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return self._sampler.sample_relative(self._window(study, trial), trial, search_space)

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        return self._sampler.sample_independent(
            self._window(study, trial), trial, param_name, param_distribution
        )

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        self._sampler.before_trial(study, trial)

    def after_trial(
        self,
        study: Study,
        trial: FrozenTrial,
        state: TrialState,
        values: Sequence[float] | None,
    ) -> None:
        self._sampler.after_trial(study, trial, state, values)

    def reseed_rng(self) -> None:
        self._sampler.reseed_rng()

    def _window(self, study: Study, trial: FrozenTrial) -> Any:
        """The same for all parameters of a trial: to pick the trials is work, too."""
        if self._shown is None or self._shown[0] != trial.number:
            self._shown = trial.number, _Window(study, self._history)
        return self._shown[1]


class _Window:
    """A study with fewer trials, for Optuna's samplers, which ask both of these for them."""

    def __init__(self, study: Study, history: int | None) -> None:
        self._whole = study
        trials = study.get_trials(deepcopy=False)
        proposed = [trial for trial in trials if trial.user_attrs.get(OUTSIDE) is None]
        if history is None:
            self._shown = proposed
        else:
            self._shown = window(proposed, history, study.directions)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._whole, name)

    def get_trials(
        self, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        shown = [trial for trial in self._shown if states is None or trial.state in states]
        return copy.deepcopy(shown) if deepcopy else shown

    def _get_trials(
        self,
        deepcopy: bool = True,
        states: Container[TrialState] | None = None,
        use_cache: bool = False,
    ) -> list[FrozenTrial]:
        return self.get_trials(deepcopy, states)


def window(
    trials: Sequence[FrozenTrial], history: int, directions: Sequence[StudyDirection]
) -> list[FrozenTrial]:
    """Of ``trials`` those that have not ended, the newest that have, and the best, by number."""
    shown = {trial.number: trial for trial in trials if trial.state in UNFINISHED}
    ended = [trial for trial in trials if trial.state not in UNFINISHED]
    shown |= {trial.number: trial for trial in ended[-history:]}
    if len(directions) == 1:
        complete = [trial for trial in ended if trial.state is TrialState.COMPLETE]
        pick = heapq.nlargest if directions[0] is StudyDirection.MAXIMIZE else heapq.nsmallest
        shown |= {trial.number: trial for trial in pick(N_BEST, complete, key=_value)}
    return [shown[number] for number in sorted(shown)]


def _value(trial: FrozenTrial) -> float:
    assert trial.value is not None
    return trial.value
