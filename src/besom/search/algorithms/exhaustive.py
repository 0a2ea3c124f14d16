"""Samplers that propose every point of a space once, driven by ask and tell.

Optuna's own samplers notice only inside ``study.optimize``, after a trial has ended, that no point
is left. That is too late for workers that ask in the meantime.
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
    """Optuna's grid sampler for ask and tell. It skips points that any trial has had.

    Optuna chooses points by the numbers of trials. It would propose the point of an enqueued trial,
    such as the baseline, again, and leave out another one. ``Study.stop`` only works inside
    ``study.optimize``, so a caller reads :attr:`exhausted` instead.
    """

    def __init__(self, axes: Mapping[str, Sequence[Any]], seed: int | None) -> None:
        super().__init__(axes, seed=seed)
        self._n_min_trials = 0  # Optuna would give the first trials the points of their numbers
        self._left = {_point(p): place for place, p in enumerate(self._all_grids)}

    @property
    def exhausted(self) -> str:
        """Why there is nothing more to propose; empty while there is."""
        return "" if self._left else EACH_POINT

    def proposed(self, study: Study, trials: Sequence[FrozenTrial]) -> None:
        """Do not propose the points of these trials again.

        A trial that lacks one of the grid's parameters has no point of the grid.
        """
        for trial in trials:
            if trial.params.keys() >= set(self._param_names):
                self._left.pop(_point([trial.params[name] for name in self._param_names]), None)

    def _get_unvisited_grid_ids(self, study: Study) -> list[int]:
        """Return the index of the next point in the shuffled grid; empty if none is left."""
        return [*islice(self._left.values(), 1)]

    def after_trial(
        self,
        study: Study,
        trial: FrozenTrial,
        state: TrialState,
        values: Sequence[float] | None,
    ) -> None:
        """Do nothing: Optuna's own method would only stop the study."""


def _point(values: Sequence[Any]) -> tuple[tuple[type, Any], ...]:
    """Return a key for a point that distinguishes 1, 1.0 and True."""
    return tuple((type(value), value) for value in values)


class BruteForce(optuna.samplers.BruteForceSampler):
    """Optuna's brute-force sampler, with a test for whether all points have been proposed."""

    def has_proposed_all(self, trials: list[FrozenTrial]) -> bool:
        """Return whether these trials, running or ended, have every point of the space."""
        tree = _TreeNode()
        self._populate_tree(tree, trials, {})
        return not tree.is_any_expandable(exclude_running=True)

    @staticmethod
    def _populate_tree(tree: _TreeNode, trials: list[FrozenTrial], params: dict[str, Any]) -> None:
        """Fill the tree, without trials that failed before anything was suggested to them.

        Optuna would take such a trial for the whole tree.
        """
        begun = [trial for trial in trials if trial.params]
        optuna.samplers.BruteForceSampler._populate_tree(tree, begun, params)

    def after_trial(
        self,
        study: Study,
        trial: FrozenTrial,
        state: TrialState,
        values: Sequence[float] | None,
    ) -> None:
        """Do nothing; see :meth:`has_proposed_all`."""
