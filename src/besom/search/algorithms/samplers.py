"""The samplers by name. Options are in ``options.py``; here they become Optuna's objects."""

import importlib.util
import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import Any

import optuna
from optuna.distributions import CategoricalDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState, create_trial

from besom.app.modules.target import locate
from besom.app.own_code import named
from besom.common.errors import USERS_ERRORS, ConfigError, SpaceError, UserError
from besom.search.algorithms import by_path
from besom.search.algorithms.by_path import ByPath
from besom.search.algorithms.exhaustive import BruteForce, Grid
from besom.search.algorithms.options import (
    BruteForceSampler,
    CmaesSampler,
    GpSampler,
    GridSampler,
    NsgaIIISampler,
    NsgaIISampler,
    QmcSampler,
    RandomSampler,
    TpeSampler,
)
from besom.search.algorithms.windowed_sampler import WindowedSampler
from besom.search.objective import as_directions
from besom.search.space.grammar import MOST_POINTS
from besom.search.space.space import Dimension, Suggest

NO_ARGUMENTS = (
    *("name", "_target_", "_partial_", "history"),
    *("n_ehvi_candidates", "restart_strategy", "inc_popsize"),
)
"""Options that are no arguments of Optuna's classes, or have no effect there."""
FUNCTIONS = ("gamma", "weights")
"""Options that are functions; a text is the dotted path of one."""
PLACE = "hydra.sweeper.sampler"
TENTH = 10


def make_sampler(
    options: Any,
    dimensions: Sequence[Dimension],
    n_existing: int,
    imported: Sequence[FrozenTrial] = (),
) -> BaseSampler:
    """The sampler for ``options`` (one of the records in ``options.py``, or named by a path).

    Args:
        dimensions: what is searched; the grid needs it in advance.
        n_existing: trials that the study already has. A seeded generator that started anew on
            a resume would propose the first trials again, so the seed moves on by that many.
        imported: trials of other studies that the study has been given.

    Raises:
        UserError: the sampler needs an extra that is not installed.
        SpaceError: a grid over a continuous dimension.
        ConfigError: a value that the sampler does not accept, or no such sampler.
    """
    try:
        with warnings.catch_warnings():
            for category in (optuna.exceptions.ExperimentalWarning, FutureWarning):
                warnings.simplefilter("ignore", category)
            if isinstance(options, ByPath):
                return WindowedSampler(options.make(BaseSampler, n_existing), own=options.written)
            options = _with_sources(options, dimensions, imported)
            sampler = _MAKERS[options.name](options, dimensions, n_existing)
        return sampler if isinstance(sampler, Grid | WindowedSampler) else WindowedSampler(sampler)
    except ValueError as error:
        raise ConfigError(f"{as_chosen(options)}: {error}") from error


def _with_sources(
    options: Any, dimensions: Sequence[Dimension], imported: Sequence[FrozenTrial]
) -> Any:
    """CMA-ES looks at its own trials alone: of others it is told where they were good (Nomura et
    al., 2021), unless it is told where to begin."""
    numbers = {
        d.key: d.distribution
        for d in dimensions
        if not isinstance(d.distribution, CategoricalDistribution) and not d.distribution.single()
    }
    complete = [trial for trial in imported if trial.state is TrialState.COMPLETE]
    if options.name != "cmaes" or not complete or len(numbers) < 2:
        return options
    if options.x0 or options.sigma0 or options.use_separable_cma:
        return options
    sources = [
        create_trial(
            values=trial.values,
            params={key: trial.params[key] for key in numbers},
            distributions=numbers,
        )
        for trial in complete
    ]
    # It begins with the best tenth, and fails where that is not one trial.
    repeats = 1 if len(sources) >= TENTH else TENTH
    return replace(options, source_trials=sources * repeats)


def as_chosen(options: Any) -> str:
    """How the sampler was chosen."""
    by_name = f"hydra/sweeper/sampler={options.name}"
    return options.written if isinstance(options, ByPath) else by_name


def rehearse(
    options: Any,
    dimensions: Sequence[Dimension],
    directions: Sequence[str],
    suggest: Suggest | None = None,
) -> None:
    """Have the sampler propose a few trials that leave no trace: some refuse several objectives,
    or an argument, only then.

    Args:
        suggest: adds conditional parameters; only the sampler of every point is asked for them,
            since it refuses continuous ones.

    Raises:
        UserError: as :func:`make_sampler`, and whatever the sampler cannot do.
    """
    if options.name == "cmaes" and len(directions) > 1:
        raise ConfigError(
            "hydra/sweeper/sampler=cmaes: it knows one objective; take tpe, gp, nsga2, nsga3, "
            "random, qmc, grid or bruteforce for several."
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
                if suggest is not None and isinstance(options, BruteForceSampler):
                    suggest(trial)
                study.tell(trial, [float(number)] * len(directions))
    except UserError:
        raise
    except USERS_ERRORS as error:
        name = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
        raise ConfigError(f"{as_chosen(options)}: {name}{error}") from error
    finally:
        optuna.logging.set_verbosity(optuna.logging.WARNING)


def _arguments(options: Any, n_existing: int) -> dict[str, Any]:
    """What is given of Optuna's own arguments, with the seed moved on."""
    given = {
        field.name: _argument(field.name, getattr(options, field.name), n_existing)
        for field in fields(options)
        if field.name not in NO_ARGUMENTS and getattr(options, field.name) is not None
    }
    if "seed" in given:
        given["seed"] = by_path.moved(given["seed"], n_existing)
    return given


def _argument(name: str, value: Any, n_existing: int) -> Any:
    place = f"{PLACE}.{name}"
    if name in FUNCTIONS and isinstance(value, str):
        return named(f"{place}={value}", locate(place, value))
    return by_path.part(place, value, n_existing)


def _tpe(options: TpeSampler, dimensions: Sequence[Dimension], n_existing: int) -> BaseSampler:
    options = replace(options, n_ei_candidates=options.n_ei_candidates or options.n_ehvi_candidates)
    sampler = optuna.samplers.TPESampler(**_arguments(options, n_existing))
    if options.history is None:
        return sampler
    startup = 10 if options.n_startup_trials is None else options.n_startup_trials
    if options.history < max(startup, 1):
        raise ValueError(
            f"history={options.history}: must be null, or at least n_startup_trials={startup} and 1"
        )
    return WindowedSampler(sampler, options.history)


def _random(
    options: RandomSampler, dimensions: Sequence[Dimension], n_existing: int
) -> BaseSampler:
    return optuna.samplers.RandomSampler(**_arguments(options, n_existing))


def _grid(options: GridSampler, dimensions: Sequence[Dimension], n_existing: int) -> BaseSampler:
    axes = _points(dimensions, "a grid")
    if (n_points := math.prod(map(len, axes.values()))) > MOST_POINTS:
        raise SpaceError(
            f"the grid has {n_points:,} points, and all of them are made beforehand: at most "
            f"{MOST_POINTS:,}; widen the steps, or take another sampler."
        )
    # The order of the points comes from the seed, and must be the same after a resume.
    return Grid({key: list(values) for key, values in axes.items()}, seed=options.seed)


def _bruteforce(
    options: BruteForceSampler, dimensions: Sequence[Dimension], n_existing: int
) -> BaseSampler:
    _points(dimensions, "bruteforce")
    return BruteForce(**_arguments(options, n_existing))


def _points(dimensions: Sequence[Dimension], sampler: str) -> dict[str, Sequence[Any]]:
    """The values of each dimension.

    Raises:
        SpaceError: one is continuous.
    """
    axes: dict[str, Sequence[Any]] = {}
    for dimension in dimensions:
        values = dimension.values()
        if values is None:
            raise SpaceError(
                f"`{dimension.key}={dimension.text}` is continuous, and {sampler} needs points; "
                f"write range(start,stop,step=s) or choice(…), or take another sampler."
            )
        axes[dimension.key] = values
    return axes


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


def _nsga2(options: NsgaIISampler, dimensions: Sequence[Dimension], n_existing: int) -> BaseSampler:
    return optuna.samplers.NSGAIISampler(**_arguments(options, n_existing))


def _nsga3(
    options: NsgaIIISampler, dimensions: Sequence[Dimension], n_existing: int
) -> BaseSampler:
    return optuna.samplers.NSGAIIISampler(**_arguments(options, n_existing))


def _require(module: str, extra: str) -> None:
    if importlib.util.find_spec(module) is None:
        raise UserError(
            f"hydra/sweeper/sampler={extra} needs the package {module}, which is not installed.\n"
            f"Install it with: pip install '.[{extra}]' in Besom's folder"
        )


_MAKERS: dict[str, Callable[[Any, Sequence[Dimension], int], BaseSampler]] = {
    "tpe": _tpe,
    "random": _random,
    "grid": _grid,
    "qmc": _qmc,
    "cmaes": _cmaes,
    "gp": _gp,
    "nsga2": _nsga2,
    "nsga3": _nsga3,
    "bruteforce": _bruteforce,
}
