"""Samplers that propose every point of a space once, driven by ask and tell.

Optuna's own decide inside ``study.optimize`` that a study has come to its end, once a trial has
ended: too late for workers that ask meanwhile.
"""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

import optuna
from optuna.samplers._brute_force import _TreeNode
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

EACH_POINT = "each point has been tried"


class Grid(optuna.samplers.GridSampler):
    """Optuna's grid for ask and tell, which passes over points that any trial has had.

    Optuna goes by the numbers of trials, and would propose the point of an enqueued one, such as
    the baseline, once more in the place of another. ``Study.stop`` only works inside
    ``study.optimize``; a caller looks at :attr:`exhausted` instead.
    """

    def __init__(self, axes: Mapping[str, Sequence[Any]], seed: int | None) -> None:
        super().__init__(axes, seed=seed)
        self._n_min_trials = 0  # no point by a trial's number
        self._left = {_point(p): place for place, p in enumerate(self._all_grids)}

    @property
    def exhausted(self) -> str:
        """Why it has nothing more to propose; empty as long as it has."""
        return "" if self._left else EACH_POINT

    def proposed(self, study: Study, trials: Sequence[FrozenTrial]) -> None:
        """Propose their points no more; params that lack some of the grid's names are none."""
        for trial in trials:
            if trial.params.keys() >= set(self._param_names):
                self._left.pop(_point([trial.params[name] for name in self._param_names]), None)

    def _get_unvisited_grid_ids(self, study: Study) -> list[int]:
        """The next point, by its place in the shuffled grid; none where all have been had."""
        return [*islice(self._left.values(), 1)]

    def after_trial(
        self,
        study: Study,
        trial: FrozenTrial,
        state: TrialState,
        values: Sequence[float] | None,
    ) -> None:
        """Nothing: the grid keeps its place in the trials' own attributes."""


def _point(values: Sequence[Any]) -> tuple[tuple[type, Any], ...]:
    """What tells two points apart, where 1, 1.0 and True are three values."""
    return tuple((type(value), value) for value in values)


class BruteForce(optuna.samplers.BruteForceSampler):
    """Optuna's search of a tree of conditional parameters, which looks for its end itself."""

    def has_proposed_all(self, trials: list[FrozenTrial]) -> bool:
        """Whether nothing is left but what these trials have, running or ended."""
        tree = _TreeNode()
        self._populate_tree(tree, trials, {})
        return not tree.is_any_expandable(exclude_running=True)

    @staticmethod
    def _populate_tree(tree: _TreeNode, trials: list[FrozenTrial], params: dict[str, Any]) -> None:
        """Less the trials that failed before anything was suggested to them: Optuna would take
        such a one for the whole tree."""
        begun = [trial for trial in trials if trial.params]
        optuna.samplers.BruteForceSampler._populate_tree(tree, begun, params)

    def after_trial(
        self,
        study: Study,
        trial: FrozenTrial,
        state: TrialState,
        values: Sequence[float] | None,
    ) -> None:
        """Nothing: see :meth:`has_proposed_all`."""
