"""Shows samplers only a part of the study's trials.

A baseline outside the space has no parameters of the space. With it, Optuna's samplers would find
no parameter that all trials have, and would sample each parameter independently. Besides, a long
history makes proposals slow.
"""

import copy
import heapq
from collections.abc import Callable, Container, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from besom.app.own_code import naming
from besom.search.algorithms.exhaustive import EACH_POINT, BruteForce
from besom.search.trial_row import IMPORTED

UNFINISHED = (TrialState.RUNNING, TrialState.WAITING)
OUTSIDE = "besom.outside"
"""The attribute that marks a trial as a baseline outside the space."""

# TPE counts at most this many trials as good.
N_BEST = 25


class WindowedSampler(BaseSampler):
    """Wraps a sampler, and shows it the running trials and the ``history`` newest ended ones.

    With one objective it also shows the 25 best of all trials, the feasible ones first. TPE models
    those as good, so a limited history only makes its model of the others coarser. If ``history``
    is None, all trials are shown.

    ``Study.stop`` only works inside ``study.optimize``, so a caller reads ``exhausted`` instead.

    Args:
        own: the override that names a sampler of the user's own; its errors begin with it.
    """

    def __init__(self, sampler: BaseSampler, history: int | None = None, own: str = "") -> None:
        self._sampler = sampler
        self._history = history
        self._calling = partial(naming, own) if own else nullcontext
        self._is_exhaustive = isinstance(sampler, BruteForce)
        self._shown: tuple[int, _Window] | None = None
        self.exhausted = ""
        """Why there is nothing more to propose; empty while there may be."""

    def proposed(self, study: Study, trials: Sequence[FrozenTrial]) -> None:
        """Note that parameters have been proposed for these trials."""
        if isinstance(self._sampler, BruteForce):
            own = _Window(study, None, self._stop, shows_imported=False).get_trials(False)
            self.exhausted = EACH_POINT if self._sampler.has_proposed_all(own) else ""

    def _stop(self) -> None:
        self.exhausted = "it has called study.stop()"

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        with self._calling():
            return self._sampler.infer_relative_search_space(self._window(study, trial), trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        with self._calling():
            return self._sampler.sample_relative(self._window(study, trial), trial, search_space)

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        with self._calling():
            return self._sampler.sample_independent(
                self._window(study, trial), trial, param_name, param_distribution
            )

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        with self._calling():
            self._sampler.before_trial(self._window(study, trial), trial)

    def after_trial(
        self,
        study: Study,
        trial: FrozenTrial,
        state: TrialState,
        values: Sequence[float] | None,
    ) -> None:
        window: Any = _Window(study, None, self._stop)
        with self._calling():
            self._sampler.after_trial(window, trial, state, values)

    def reseed_rng(self) -> None:
        self._sampler.reseed_rng()

    def _window(self, study: Study, trial: FrozenTrial) -> Any:
        """Return the window for a trial, the same for all its parameters: choosing takes time."""
        if self._shown is None or self._shown[0] != trial.number:
            shows_imported = not self._is_exhaustive
            window = _Window(study, self._history, self._stop, shows_imported)
            self._shown = trial.number, window
        return self._shown[1]


class _Window:
    """A study that shows samplers only some of its trials, by every method that they use.

    Args:
        stop: called instead of :meth:`optuna.Study.stop`.
        shows_imported: whether to show imported trials of other studies. An exhaustive sampler
            must not see them, since their points have not been proposed here.
    """

    def __init__(
        self,
        study: Study,
        history: int | None,
        stop: Callable[[], None],
        shows_imported: bool = True,
    ) -> None:
        self._whole: Any = study
        self.stop = stop
        trials = study.get_trials(deepcopy=False)
        proposed = [trial for trial in trials if trial.user_attrs.get(OUTSIDE) is None]
        if not shows_imported:
            proposed = [trial for trial in proposed if IMPORTED not in trial.user_attrs]
        if history is None:
            self._shown = proposed
        else:
            self._shown = window(proposed, history, study.directions)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._whole, name)

    @property
    def trials(self) -> list[FrozenTrial]:
        return self.get_trials()

    @property
    def _storage(self) -> Any:
        return _WindowStorage(self._whole._storage, self)

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


class _WindowStorage:
    """A study's storage that shows only the window's trials, for samplers that read it."""

    def __init__(self, storage: Any, window: _Window) -> None:
        self._whole = storage
        self._window = window

    def __getattr__(self, name: str) -> Any:
        return getattr(self._whole, name)

    def get_all_trials(
        self,
        study_id: int,
        deepcopy: bool = True,
        states: Container[TrialState] | None = None,
    ) -> list[FrozenTrial]:
        return self._window.get_trials(deepcopy, states)


def window(
    trials: Sequence[FrozenTrial], history: int, directions: Sequence[StudyDirection]
) -> list[FrozenTrial]:
    """Return the trials that have not ended, the newest ended ones and the best, by number."""
    shown = {trial.number: trial for trial in trials if trial.state in UNFINISHED}
    ended = [trial for trial in trials if trial.state not in UNFINISHED]
    shown |= {trial.number: trial for trial in ended[-history:]}
    if len(directions) == 1:
        complete = [trial for trial in ended if trial.state is TrialState.COMPLETE]
        sign = -1 if directions[0] is StudyDirection.MAXIMIZE else 1

        def key(trial: FrozenTrial) -> tuple[float, float]:
            assert trial.value is not None
            return sum(v for v in trial.constraints.values() if v > 0), sign * trial.value

        shown |= {trial.number: trial for trial in heapq.nsmallest(N_BEST, complete, key)}
    return [shown[number] for number in sorted(shown)]
