"""Computes the importance of each parameter of a study by PED-ANOVA."""

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import optuna
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.importance import PedAnovaImportanceEvaluator
from optuna.trial import FrozenTrial, create_trial

from besom.common.errors import SpaceError
from besom.search.objective import as_directions
from besom.search.space.grammar import read_dimension
from besom.search.space.space import Dimension

FEWEST_TRIALS = 10
"""With fewer trials, an order of importance is chance."""
FEWEST_TOP = 5
"""The least number of trials that count as good; Optuna advises this for PED-ANOVA."""
TOP_SHARE = 0.1
LOG_RATIO = 100
"""Positive numbers are on a log scale if the largest is at least this many times the smallest."""

Params = Mapping[str, Any]
Column = Mapping[int, Any]
"""The values of one parameter by the index of the trial; a trial may lack a conditional one."""


def importances(
    params: Sequence[Params],
    values: Sequence[Sequence[float]],
    directions: Sequence[str],
    expressions: Mapping[str, str],
) -> dict[str, float]:
    """Return the share of each parameter in what distinguishes the good trials, the largest first.

    PED-ANOVA (Watanabe, Bansal and Hutter 2023) measures how differently a parameter is distributed
    among the best tenth of the trials and among all. It takes milliseconds, is defined for
    several objectives, and handles parameters that only some trials have, unlike fANOVA.

    Args:
        params: the parameters of each completed trial, under dotted names.
        values: the objectives of each trial, in the order of ``directions``.
        directions: ``minimize`` or ``maximize`` for each objective.
        expressions: the search space as Hydra sweeps: ``{"lr": "tag(log,interval(1e-5,1))"}``. For
            a parameter that is not in it, or has values outside, its values give the distribution.

    Returns:
        Shares that sum to 1; empty with fewer than ``FEWEST_TRIALS``, or if nothing differs.
    """
    finite = [place for place, row in enumerate(values) if all(map(math.isfinite, row))]
    if len(finite) < FEWEST_TRIALS:
        return {}
    columns = _columns([params[place] for place in finite], expressions)
    study = _study([values[place] for place in finite], directions, columns)
    evaluator = PedAnovaImportanceEvaluator(
        target_quantile=max(TOP_SHARE, FEWEST_TOP / len(finite))
    )
    with warnings.catch_warnings():  # about few trials, and parameters that few trials have
        warnings.simplefilter("ignore")
        found = evaluator.evaluate(study)
    total = sum(found.values())
    ordered = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    return {key: share / total for key, share in ordered} if total > 0 else {}


def searched_on_log(key: str, expression: str | None) -> bool:
    """Return whether a parameter was searched on a log scale, given its sweep expression."""
    dimension = _dimension(key, expression)
    return dimension is not None and getattr(dimension.distribution, "log", False)


def _study(
    values: Sequence[Sequence[float]],
    directions: Sequence[str],
    columns: Mapping[str, tuple[Column, BaseDistribution]],
) -> optuna.Study:
    """Return a study in memory with the completed trials."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(directions=as_directions(directions))
    study.add_trials(_trial(place, row, columns) for place, row in enumerate(values))
    return study


def _trial(
    place: int,
    values: Sequence[float],
    columns: Mapping[str, tuple[Column, BaseDistribution]],
) -> FrozenTrial:
    own = {key: pair for key, pair in columns.items() if place in pair[0]}
    return create_trial(
        values=list(values),
        params={key: column[place] for key, (column, _) in own.items()},
        distributions={key: distribution for key, (_, distribution) in own.items()},
    )


def _columns(
    params: Sequence[Params], expressions: Mapping[str, str]
) -> dict[str, tuple[Column, BaseDistribution]]:
    """Return the parameters that differ among the trials, with their values and distributions."""
    columns = {}
    for key in dict.fromkeys(key for row in params for key in row):
        column = {place: row[key] for place, row in enumerate(params) if key in row}
        if len(set(map(repr, column.values()))) > 1:
            dimension = _dimension(key, expressions.get(key))
            columns[key] = _as_searched(column, dimension) or _as_found(column)
    return columns


def _dimension(key: str, expression: str | None) -> Dimension | None:
    """Return the dimension of an expression; None if there is none or it cannot be read."""
    if expression is None:
        return None
    try:
        (override,) = OverridesParser.create().parse_overrides([f"{key}={expression}"])
        return read_dimension(override)
    except (HydraException, SpaceError):
        return None


def _as_searched(
    column: Column, dimension: Dimension | None
) -> tuple[Column, BaseDistribution] | None:
    if dimension is None or not all(map(dimension.contains, column.values())):
        return None
    return column, dimension.distribution


def _as_found(column: Column) -> tuple[Column, BaseDistribution]:
    """Return a distribution derived from the values themselves."""
    found = list(column.values())
    if not all(isinstance(value, int | float) and math.isfinite(value) for value in found) or any(
        isinstance(value, bool) for value in found
    ):
        texts = {place: str(value) for place, value in column.items()}
        return texts, CategoricalDistribution(sorted(set(texts.values())))
    low, high = min(found), max(found)
    log = low > 0 and high / low >= LOG_RATIO
    if all(isinstance(value, int) for value in found):
        return column, IntDistribution(low, high, log=log)
    return column, FloatDistribution(low, high, log=log)
