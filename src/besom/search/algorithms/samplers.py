"""Makes Optuna's samplers from the options in ``options.py``."""

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
from besom.search.trial_row import is_violated

NO_ARGUMENTS = (
    *("name", "_target_", "_partial_", "history"),
    *("n_ehvi_candidates", "restart_strategy", "inc_popsize"),
)
"""Options that are not arguments of Optuna's classes, or have no effect there."""
FUNCTIONS = ("gamma", "weights")
"""Options that are functions; a string is the dotted path of one."""
PLACE = "hydra.sweeper.sampler"
TENTH = 10


def make_sampler(
    options: Any,
    dimensions: Sequence[Dimension],
    n_existing: int,
    imported: Sequence[FrozenTrial] = (),
) -> BaseSampler:
    """Return the sampler for ``options``: a dataclass of ``options.py``, or a :class:`ByPath`.

    Args:
        dimensions: the search space, which the grid needs in advance.
        n_existing: the number of trials that the study already has. It is added to the seed: a
            generator with the same seed would propose the first trials again after a resume.
        imported: trials of other studies that were imported into the study.

    Raises:
        UserError: the sampler needs an extra that is not installed.
        SpaceError: a dimension is continuous, and the sampler needs points.
        ConfigError: the sampler does not accept a value, or there is no such sampler.
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
    """Return the options; those of CMA-ES with the imported trials as its ``source_trials``.

    CMA-ES uses only its own trials, and starts warm from the feasible ones of these (Nomura et al.,
    2021). If ``x0`` or ``sigma0`` say where it begins, or ``use_separable_cma`` is on, the options
    stay as they are.
    """
    numbers = {
        d.key: d.distribution
        for d in dimensions
        if not isinstance(d.distribution, CategoricalDistribution) and not d.distribution.single()
    }
    complete = [
        trial for trial in imported if trial.state is TrialState.COMPLETE and not is_violated(trial)
    ]
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
    # It begins with the best tenth of the sources, and fails if that is less than one trial.
    repeats = 1 if len(sources) >= TENTH else TENTH
    return replace(options, source_trials=sources * repeats)


def as_chosen(options: Any) -> str:
    """Return the override that chose the sampler."""
    by_name = f"hydra/sweeper/sampler={options.name}"
    return options.written if isinstance(options, ByPath) else by_name


def rehearse(
    options: Any,
    dimensions: Sequence[Dimension],
    directions: Sequence[str],
    suggest: Suggest | None = None,
) -> None:
    """Let the sampler propose a few trials in memory, to find errors before the sweep begins.

    Some samplers refuse several objectives, or an argument, only when they propose.

    Args:
        suggest: adds conditional parameters. Only the brute-force sampler is given them, since it
            refuses continuous ones.

    Raises:
        UserError: as :func:`make_sampler`, or the sampler cannot propose for this space.
    """
    if options.name == "cmaes" and len(directions) > 1:
        raise ConfigError(
            "hydra/sweeper/sampler=cmaes: it knows one objective; take tpe, gp, nsga2, nsga3, "
            "random, qmc, grid or bruteforce for several."
        )
    soon = {"n_startup_trials": 1} if hasattr(options, "n_startup_trials") else {}
    sampler = make_sampler(options, dimensions, 0)
    if options.name == "gp":
        return  # a proposal takes seconds, and this sampler supports everything that is checked
    sampler = make_sampler(replace(options, **soon), dimensions, 0) if soon else sampler
    # The grid would warn if it has fewer points than are asked for here.
    optuna.logging.set_verbosity(optuna.logging.ERROR)
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
    """Return the given arguments of Optuna's class, with the seed changed for a resume."""
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
    # The seed determines the order of the points, which must be the same after a resume.
    return Grid({key: list(values) for key, values in axes.items()}, seed=options.seed)


def _bruteforce(
    options: BruteForceSampler, dimensions: Sequence[Dimension], n_existing: int
) -> BaseSampler:
    _points(dimensions, "bruteforce")
    return BruteForce(**_arguments(options, n_existing))


def _points(dimensions: Sequence[Dimension], sampler: str) -> dict[str, Sequence[Any]]:
    """Return the values of each dimension.

    Raises:
        SpaceError: a dimension is continuous.
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
    # The study keeps the place in the sequence, so the seed, and with it the scrambling, stays.
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
