"""The rules that end a sweep before all its trials are done."""

from collections.abc import Sequence, Set
from importlib.util import find_spec
from math import isfinite
from typing import TYPE_CHECKING

from besom.common.errors import ConfigError, UserError
from besom.common.text import show
from besom.search.objective import Objective
from besom.search.options import StopOptions
from besom.search.space.space import Space
from besom.search.trial_row import TrialRow

if TYPE_CHECKING:  # importing it is slow, and would delay a sweep's first output
    from besom.search.study import Study

OPTION = "hydra.sweeper.stop"


def check_stop(options: StopOptions, objective: Objective, space: Space) -> None:
    """Refuse a rule that could never hold, or that cannot be evaluated.

    Raises:
        ConfigError: a value is not allowed; names the rule, the value and its limit.
        UserError: a package is missing.
    """
    n_trials, target, regret = options.no_improvement, options.target, options.regret
    if n_trials is not None and n_trials < 1:
        raise ConfigError(f"{OPTION}.no_improvement={n_trials}: must be at least 1, or null.")
    if target is not None and not isfinite(target):
        raise ConfigError(f"{OPTION}.target={target}: must be a finite number, or null.")
    if regret is not None and not (isfinite(regret) and regret > 0):
        raise ConfigError(f"{OPTION}.regret={regret}: must be above 0, or null.")
    for name, value in (("target", target), ("regret", regret)):
        if value is not None and not objective.single:
            raise ConfigError(
                f"{OPTION}.{name}={value}: of {len(objective.directions)} objectives none is meant "
                "by it; take no_improvement, which looks at their Pareto front."
            )
    if regret is not None and not space.dimensions:
        raise ConfigError(
            f"{OPTION}.regret={regret}: no key is searched in each trial, so there is nothing to "
            "judge by; take no_improvement or target."
        )
    if regret is not None and find_spec("torch") is None:
        raise UserError(
            f"{OPTION}.regret={regret} needs the package torch, which is not installed.\n"
            "Install it with: pip install '.[gp]' in Besom's folder"
        )


def describe(options: StopOptions) -> str:
    """Describe what ends a sweep: ``at 0.86, or after 15 trials without a better one``."""
    rules = [
        "" if options.target is None else f"at {show(options.target)}",
        ""
        if options.no_improvement is None
        else f"after {_counted(options.no_improvement)} without a better one",
        "" if options.regret is None else f"at a regret below {show(options.regret)}",
    ]
    return ", or ".join(filter(None, rules))


def holding_rule(options: StopOptions, study: "Study", searched: Set[str]) -> str:
    """Return the first rule that holds, with its reason; empty if none does.

    Args:
        searched: the keys that each trial has.

    Examples:
        >>> holding_rule(StopOptions(target=0.86), study, {"x"})
        'hydra.sweeper.stop.target=0.86: trial 7 has 0.8612'
    """
    if options == StopOptions():
        return ""
    best = study.best()
    if not best:
        return ""
    return (
        _target(options, study, best[0])
        or _no_improvement(options, study, best)
        or _regret(options, study, searched)
    )


def _target(options: StopOptions, study: "Study", best: TrialRow) -> str:
    if options.target is None:
        return ""
    value = best.values[0]
    is_reached = (
        value >= options.target if study.directions[0] == "maximize" else value <= options.target
    )
    if not is_reached:
        return ""
    return f"{OPTION}.target={show(options.target)}: trial {best.number} has {show(value)}"


def _no_improvement(options: StopOptions, study: "Study", best: Sequence[TrialRow]) -> str:
    """Say that ``no_improvement`` holds, or return an empty string.

    Trials are counted in the order in which they ended, since a long trial may begin long before it
    becomes the best. Failed trials are not counted.
    """
    if options.no_improvement is None:
        return ""
    judged = [row for row in study.rows() if row.counts and row.state in ("complete", "pruned")]
    judged.sort(key=lambda row: row.ended_at)
    numbers = [row.number for row in judged]
    last = max(numbers.index(row.number) for row in best)
    n_since = len(judged) - 1 - last
    if n_since < options.no_improvement:
        return ""
    has = "has" if n_since == 1 else "have"
    what = "the best" if len(study.directions) == 1 else "the last on the Pareto front"
    return (
        f"{OPTION}.no_improvement={options.no_improvement}: {_counted(n_since)} {has} ended since "
        f"trial {judged[last].number}, {what}"
    )


def _regret(options: StopOptions, study: "Study", searched: Set[str]) -> str:
    if options.regret is None:
        return ""
    bound = study.regret_bound(searched)
    if bound is None or not bound < options.regret:
        return ""
    return (
        f"{OPTION}.regret={show(options.regret)}: the best falls short by {show(bound)} at most, "
        "by a Gaussian process"
    )


def _counted(n_trials: int) -> str:
    return "1 trial" if n_trials == 1 else f"{n_trials} trials"
