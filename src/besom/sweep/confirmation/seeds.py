"""The overrides by which a confirmation differs from its trial: its seed, and the test split."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Any

from omegaconf import DictConfig

from besom.app.hooks import hooks_of, task_config, without_exits
from besom.app.job import JobRunner
from besom.common.errors import ConfigError
from besom.common.flatten import flatten
from besom.search.objective import DIRECTIONS, Objective
from besom.search.options import FEWEST_SEEDS, ConfirmOptions
from besom.search.space.baseline import Base, changed
from besom.search.space.space import Space

SKIP = "or leave the confirmation out with hydra.sweeper.confirm.top_k=0 (--no-confirm)"


def seeds(
    options: ConfirmOptions, baseline: DictConfig, of_trials: Iterable[Any] = ()
) -> list[int]:
    """Return seeds above those of the trials, so that none of them has been used.

    Args:
        of_trials: the trials' seeds, if a resolver such as ``${hydra:job.num}`` computes them.
    """
    known = [_number(value) for value in (flatten(baseline).get(options.seed_key), *of_trials)]
    first = max(known) + 1
    return list(range(first, first + options.seeds))


def _number(value: Any) -> int:
    """Read a number, also from text such as an environment variable; 0 if it is no number."""
    try:
        return int(str(value))
    except ValueError:
        return 0


def overrides(options: ConfirmOptions, seed: int) -> tuple[str, ...]:
    """Return the overrides that are added to a trial's own."""
    return (*(options.overrides or ()), f"{options.seed_key}={seed}")


def setting(options: ConfirmOptions) -> str:
    """Return eight hexadecimal digits that differ if confirmations are trained differently.

    The judged metric is not part of it: another metric needs no new training.
    """
    text = json.dumps([options.seed_key, *(options.overrides or ())])
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def check_confirmed(
    options: ConfirmOptions,
    objective: Objective,
    space: Space,
    application: JobRunner,
    base: Base,
) -> list[DictConfig]:
    """Check and return the baseline as it will be confirmed, on the first of the fresh seeds."""
    if not options.top_k:
        return []
    baseline = task_config(base.whole)
    check(options, objective, space, baseline)
    check_baseline(base.lacking)
    again = overrides(options, seeds(options, baseline)[0])
    confirmed = changed(application, baseline, base.words, again)
    without_exits(hooks_of(application.task)).check(confirmed)
    return [confirmed]


def check_baseline(lacking: Sequence[str]) -> None:
    """Refuse a confirmation that has no baseline to compare with.

    Args:
        lacking: the searched keys that have no value in the configuration.

    Raises:
        ConfigError: names the key and the remedy.
    """
    if lacking:
        raise ConfigError(
            f"{', '.join(lacking)} has no value in the configuration, so there is no baseline to "
            f"confirm against; give it one, hydra.sweeper.baseline.{lacking[0]}=…, {SKIP}."
        )


def judges_objective(options: ConfirmOptions, objective: Objective) -> bool:
    """Return whether confirmations are judged by the objective, not by another metric."""
    return options.metric in (None, *objective.names)


def direction_of(options: ConfirmOptions, objective: Objective) -> str:
    """Return ``minimize`` or ``maximize`` for the judged metric."""
    of_objective = objective.directions[0]
    return (
        of_objective if judges_objective(options, objective) else options.direction or of_objective
    )


def check(
    options: ConfirmOptions, objective: Objective, space: Space, baseline: DictConfig
) -> None:
    """Refuse a confirmation that cannot work, before anything is started.

    Raises:
        ConfigError: names the option and the remedy.
    """
    name = "hydra.sweeper.confirm"
    if options.top_k < 0:
        raise ConfigError(f"{name}.top_k={options.top_k}: must be at least 0.")
    if options.seeds < FEWEST_SEEDS:
        raise ConfigError(
            f"{name}.seeds={options.seeds}: must be at least {FEWEST_SEEDS}; one number has no "
            "spread."
        )
    if options.direction is not None and options.direction not in DIRECTIONS:
        raise ConfigError(f"{name}.direction={options.direction}: take minimize or maximize.")
    if options.direction is None and not judges_objective(options, objective):
        raise ConfigError(
            f"{name}.metric={options.metric}: is not the objective; say whether more of it is "
            f"better, with {name}.direction=maximize or minimize."
        )
    if not objective.single:
        raise ConfigError(f"several objectives have no best trial to confirm; take one, {SKIP}.")
    if options.seed_key not in flatten(baseline):
        raise ConfigError(
            f"{name}.seed_key={options.seed_key}: the configuration has no such key; name the one "
            f"that seeds it, {SKIP}."
        )
    if options.seed_key in space.distributions:
        raise ConfigError(f"{name}.seed_key={options.seed_key} is searched itself; fix it, {SKIP}.")


def n_trainings(options: ConfirmOptions) -> int:
    """Return the most confirmations: of the baseline and the best trials, each on every seed."""
    return (options.top_k + 1) * options.seeds if options.top_k else 0
