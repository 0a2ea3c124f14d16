"""The samplers by name. Options are in ``options.py``; here they become Optuna's objects."""

import importlib.util
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from itertools import islice
from typing import Any

import optuna
from optuna.distributions import CategoricalDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from besom.common.errors import ConfigError, SpaceError, UserError
from besom.search.algorithms.options import (
    CmaesSampler,
    GpSampler,
    GridSampler,
    NsgaiiSampler,
    QmcSampler,
    RandomSampler,
    TpeSampler,
)
from besom.search.algorithms.windowed_sampler import WindowedSampler
from besom.search.objective import as_directions, few
from besom.search.space.grammar import MOST_POINTS
from besom.search.space.space import Dimension

N_SEEDS = 2**32
NO_ARGUMENTS = (
    *("name", "_target_", "_partial_", "history"),
    *("n_ehvi_candidates", "restart_strategy", "inc_popsize"),
)
"""Options that are no arguments of Optuna's classes, or have no effect there."""


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
    def exhausted(self) -> bool:
        """Whether every point has been proposed."""
        return not self._left

    def note(self, params: Mapping[str, Any]) -> None:
        """Propose this point no more; params of a trial that lack some of its names are none."""
        if params.keys() >= set(self._param_names):
            self._left.pop(_point([params[name] for name in self._param_names]), None)

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


def make_sampler(options: Any, dimensions: Sequence[Dimension], n_existing: int) -> BaseSampler:
    """The sampler for ``options`` (one of the records in ``options.py``).

    Args:
        dimensions: what is searched; the grid needs it in advance.
        n_existing: trials that the study already has. A seeded generator that started anew on
            a resume would propose the first trials again, so the seed moves on by that many.

    Raises:
        UserError: the sampler needs an extra that is not installed.
        SpaceError: a grid over a continuous dimension.
        ConfigError: a value that the sampler does not accept.
    """
    try:
        with warnings.catch_warnings():
            for category in (optuna.exceptions.ExperimentalWarning, FutureWarning):
                warnings.simplefilter("ignore", category)
            sampler = _MAKERS[options.name](options, dimensions, n_existing)
        return sampler if isinstance(sampler, Grid | WindowedSampler) else WindowedSampler(sampler)
    except ValueError as error:
        raise ConfigError(f"hydra/sweeper/sampler={options.name}: {error}") from error


def rehearse(options: Any, dimensions: Sequence[Dimension], directions: Sequence[str]) -> None:
    """Have the sampler propose a few trials that leave no trace: some refuse several objectives,
    or an argument, only then.

    Raises:
        UserError: as :func:`make_sampler`, and whatever the sampler cannot do.
    """
    if options.name == "cmaes" and len(directions) > 1:
        raise ConfigError(
            "hydra/sweeper/sampler=cmaes: it knows one objective; take tpe, gp, nsgaii, random, "
            "qmc or grid for several."
        )
    soon = {"n_startup_trials": 1} if hasattr(options, "n_startup_trials") else {}
    sampler = make_sampler(options, dimensions, 0)
    if options.name == "gp":
        return  # it takes seconds, and does all
    sampler = make_sampler(replace(options, **soon), dimensions, 0) if soon else sampler
    optuna.logging.set_verbosity(optuna.logging.ERROR)  # a grid of fewer points is no concern here
    study = optuna.create_study(
        directions=as_directions(directions),
        sampler=sampler,
    )
    distributions = {dimension.key: dimension.distribution for dimension in dimensions}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for number in range(3):
                trial = study.ask(distributions)
                study.tell(trial, [float(number)] * len(directions))
    except Exception as error:
        name = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
        raise ConfigError(f"hydra/sweeper/sampler={options.name}: {name}{error}") from error
    finally:
        optuna.logging.set_verbosity(optuna.logging.WARNING)


def unguided(options: Any, dimensions: Sequence[Dimension]) -> str:
    """One line about parameters that the sampler draws at random, where there are any."""
    if options.name not in ("cmaes", "qmc"):
        return ""
    searched = [d for d in dimensions if not d.distribution.single()]
    others = [d.key for d in searched if isinstance(d.distribution, CategoricalDistribution)]
    name = f"hydra/sweeper/sampler={options.name}"
    if options.name == "cmaes" and len(searched) - len(others) < 2:
        return f"{name} draws everything at random: it needs two numbers or more to search."
    return f"{name} searches numbers alone, and draws {few(others)} at random." if others else ""


def _arguments(options: Any, n_existing: int) -> dict[str, Any]:
    """What is given of Optuna's own arguments, with the seed moved on."""
    given = {
        field.name: getattr(options, field.name)
        for field in fields(options)
        if field.name not in NO_ARGUMENTS and getattr(options, field.name) is not None
    }
    if "seed" in given and n_existing:
        given["seed"] = (given["seed"] + n_existing) % N_SEEDS
    return given


def _tpe(options: TpeSampler, dimensions: Sequence[Dimension], n_existing: int) -> BaseSampler:
    options = replace(options, n_ei_candidates=options.n_ei_candidates or options.n_ehvi_candidates)
    sampler = optuna.samplers.TPESampler(**_arguments(options, n_existing))
    if options.history is None:
        return sampler
    if options.history < max(options.n_startup_trials, 1):
        raise ValueError(
            f"history={options.history}: must be null, or at least "
            f"n_startup_trials={options.n_startup_trials} and 1"
        )
    return WindowedSampler(sampler, options.history)


def _random(
    options: RandomSampler, dimensions: Sequence[Dimension], n_existing: int
) -> BaseSampler:
    return optuna.samplers.RandomSampler(**_arguments(options, n_existing))


def _grid(options: GridSampler, dimensions: Sequence[Dimension], n_existing: int) -> BaseSampler:
    axes: dict[str, Sequence[Any]] = {}
    for dimension in dimensions:
        values = dimension.values()
        if values is None:
            raise SpaceError(
                f"`{dimension.key}={dimension.text}` is continuous, and a grid needs points; "
                f"write range(start,stop,step=s) or choice(…), or take another sampler."
            )
        axes[dimension.key] = values
    if (n_points := math.prod(map(len, axes.values()))) > MOST_POINTS:
        raise SpaceError(
            f"the grid has {n_points:,} points, and all of them are made beforehand: at most "
            f"{MOST_POINTS:,}; widen the steps, or take another sampler."
        )
    # The order of the points comes from the seed, and must be the same after a resume.
    return Grid({key: list(values) for key, values in axes.items()}, seed=options.seed)


def _qmc(options: QmcSampler, dimensions: Sequence[Dimension], n_existing: int) -> BaseSampler:
    # The place in the sequence is kept with the study; the scrambling must not change.
    scramble = options.seed is not None if options.scramble is None else options.scramble
    return optuna.samplers.QMCSampler(**_arguments(replace(options, scramble=scramble), 0))


def _cmaes(options: CmaesSampler, dimensions: Sequence[Dimension], n_existing: int) -> BaseSampler:
    _require("cmaes", extra="cmaes")
    quiet = {"warn_independent_sampling": False}
    return optuna.samplers.CmaEsSampler(**quiet | _arguments(options, n_existing))


def _gp(options: GpSampler, dimensions: Sequence[Dimension], n_existing: int) -> BaseSampler:
    if options.n_startup_trials < 1:
        raise ValueError(f"n_startup_trials={options.n_startup_trials}: must be at least 1")
    _require("torch", extra="gp")
    return optuna.samplers.GPSampler(**_arguments(options, n_existing))


def _nsgaii(
    options: NsgaiiSampler, dimensions: Sequence[Dimension], n_existing: int
) -> BaseSampler:
    return optuna.samplers.NSGAIISampler(**_arguments(options, n_existing))


def _require(module: str, extra: str) -> None:
    if importlib.util.find_spec(module) is None:
        raise UserError(
            f"hydra/sweeper/sampler={extra} needs the package {module}, which is not installed.\n"
            f"Install it with: pip install 'besom[{extra}]'"
        )


_MAKERS: dict[str, Callable[[Any, Sequence[Dimension], int], BaseSampler]] = {
    "tpe": _tpe,
    "random": _random,
    "grid": _grid,
    "qmc": _qmc,
    "cmaes": _cmaes,
    "gp": _gp,
    "nsgaii": _nsgaii,
}
