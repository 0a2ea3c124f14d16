"""Translates trials of one search space to another.

Samplers that model all parameters together (TPE, GP, CMA-ES) use only parameters that every trial
has. After one trial without a parameter, they would draw it at random, or model it separately. So
a trial is imported with all parameters or not at all.

A parameter that its study did not search has the value of that study's configuration, or the value
that a resolver returned for the trial. If that was not noted, or another program made the trial,
the value is not known. Then the baseline's value is assumed, since a new option of a program mostly
changes nothing by default.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from omegaconf import DictConfig
from optuna.samplers import RandomSampler

from besom.common.errors import ConfigError, SpaceError
from besom.common.flatten import flatten
from besom.common.suggest import listed
from besom.search.space.point import Drawing, read_value
from besom.search.space.space import Dimension, Space, Suggest
from besom.search.warm_start.options import OPTION
from besom.search.warm_start.trials import SourceStudy, SourceTrial, Transferred


@dataclass(frozen=True)
class Target:
    """The search space into which trials are translated.

    Attributes:
        baseline: the configuration of the baseline.
        point: the baseline as a proposal.
    """

    space: Space
    suggest: Suggest | None
    baseline: DictConfig
    point: Mapping[str, Any]
    random: RandomSampler = field(default_factory=lambda: RandomSampler(seed=0))


def transfer(source: SourceStudy, target: Target) -> list[Transferred]:
    """Return the trials of a study that lie in the target's space.

    Raises:
        ConfigError: the two share no searched key, or no trial lies in the space.
    """
    searched = {dimension.key for dimension in target.space.dimensions}
    theirs = {key for trial in source.trials for key in trial.params}
    if target.suggest is None and not searched & theirs:
        raise ConfigError(
            f"{OPTION}={source.name}: it shares no axis with this study: it searched "
            f"{listed(theirs)}, and this one searches {listed(searched)}."
        )
    found, why = [], ""
    for trial in source.trials:
        try:
            found.append(_transferred(source, trial, target))
        except SpaceError as outside:
            why = why or f"trial {trial.number}: {outside}"
    if not found:
        raise ConfigError(
            f"{OPTION}={source.name}: none of its {len(source.trials)} finished trials lies in "
            f"this space;\n{why}"
        )
    return found


def _transferred(source: SourceStudy, trial: SourceTrial, target: Target) -> Transferred:
    """Translate one trial.

    Raises:
        SpaceError: the trial lies outside the space, or a parameter of it is not known.
    """
    params, assumed = {}, []
    for dimension in target.space.dimensions:
        value, is_known = _value(source, trial, dimension, target)
        params[dimension.key] = read_value(dimension, value, "it")
        assumed += [] if is_known else [dimension.key]
    distributions = target.space.distributions
    if target.suggest is not None:
        drawing = Drawing({**trial.params, **params}, target.random)
        for dimension in target.space.dimensions:
            drawing._suggest(dimension.key, dimension.distribution)
        target.suggest(drawing)
        for key, dimension in drawing.asked.items():
            if key not in (known := {**trial.params, **params}):
                raise SpaceError(f"it has no {key}")
            params[key] = read_value(dimension, known[key], "it")
            distributions[key] = dimension.distribution
    return Transferred(source.name, trial, params, distributions, assumed)


def _value(
    source: SourceStudy, trial: SourceTrial, dimension: Dimension, target: Target
) -> tuple[Any, bool]:
    """Return a trial's value of a parameter, and whether it is certain."""
    key = dimension.key
    if key in trial.params:
        return trial.params[key], True
    fixed = {**source.fixed, **trial.resolved}
    if key in fixed:
        return fixed[key], True
    is_same_group = dimension.is_group and source.is_ours and _agrees(fixed, key, target)
    is_another = dimension.is_group and source.is_ours and not is_same_group
    if is_another or key not in target.point:
        raise SpaceError(f"it has no value of {key}, and none can be assumed")
    return target.point[key], is_same_group


def _agrees(fixed: Mapping[str, Any], group: str, target: Target) -> bool:
    """Return whether a trial had the baseline's option of a config group, judged by its keys."""
    ours = {k: v for k, v in flatten(target.baseline).items() if k.startswith(f"{group}.")}
    return all(fixed[key] == value for key, value in ours.items() if key in fixed)
