"""Checks what the types of the sweeper's options do not: ranges and names."""

import os
from collections.abc import Sequence
from typing import Any

from besom.common.errors import ConfigError
from besom.common.suggest import listed
from besom.search.algorithms.by_path import ByPath
from besom.search.algorithms.options import PRUNERS, SAMPLERS
from besom.search.constraints import Constraints
from besom.search.options import AUTO, SweepOptions
from besom.search.ranking import models_kept
from besom.search.warm_start.options import OPTION, number_of_best, source_names

LONGEST_NAME = 200
"""Bytes of a study's name. File systems allow 255, and file names get suffixes."""

POOLS = ("local", "ray")
DUPLICATES = ("reuse", "reuse_any_code", "rerun")


def check_options(options: SweepOptions) -> None:
    """Check the values of the options.

    Raises:
        ConfigError: a value is not allowed; names the option, the value and its limit.
    """
    for name in ("n_trials", "max_attempts"):
        if getattr(options, name) < 1:
            raise ConfigError(f"hydra.sweeper.{name}={getattr(options, name)}: must be at least 1.")
    if options.n_jobs != AUTO and options.n_jobs < 1:
        raise ConfigError(f"hydra.sweeper.n_jobs={options.n_jobs}: must be at least 1, or auto.")
    if not 0 <= options.max_failure_rate <= 1:
        raise ConfigError(
            f"hydra.sweeper.max_failure_rate={options.max_failure_rate}: must be from 0 to 1."
        )
    for name in ("timeout", "trial_timeout", "hang_timeout"):
        seconds = getattr(options, name)
        if seconds is not None and not seconds > 0:
            raise ConfigError(f"hydra.sweeper.{name}={seconds}: must be above 0 seconds, or null.")
    _check_chosen("sampler", options.sampler, SAMPLERS)
    _check_chosen("pruner", options.pruner, PRUNERS)
    if options.duplicates not in DUPLICATES:
        raise ConfigError(
            f"hydra.sweeper.duplicates={options.duplicates}: take {', '.join(DUPLICATES)}."
        )
    if options.pool not in POOLS:
        raise ConfigError(f"hydra.sweeper.pool={options.pool}: take {' or '.join(POOLS)}.")
    if options.confirm.only and not options.confirm.top_k:
        raise ConfigError(
            "hydra.sweeper.confirm.only=true: top_k=0 confirms none; give "
            "hydra.sweeper.confirm.top_k=3, say; besom confirm has --top-k for it."
        )
    if options.confirm.only and options.dry_run:
        raise ConfigError(
            "hydra.sweeper.dry_run=true: confirm.only=true has no proposals to show; leave one of "
            "them out."
        )
    Constraints.read(options.constraints)
    _check_name(options.study_name)
    models_kept(options.keep_models)
    sources = source_names(options.warm_start)
    if number_of_best(options.enqueue) and not sources:
        raise ConfigError(
            f"hydra.sweeper.enqueue={options.enqueue} needs a study to take "
            f"them from; name it with {OPTION}=[…]."
        )


def _check_chosen(kind: str, chosen: Any, records: Sequence[type[Any]]) -> None:
    """Refuse a sampler or pruner that is not one of ``records`` under its own name, nor a path."""
    if isinstance(chosen, ByPath):
        return
    if type(chosen) not in records or chosen.name != type(chosen).name:
        raise ConfigError(
            f"hydra.sweeper.{kind}={getattr(chosen, 'name', chosen)}: choose one with "
            f"hydra/sweeper/{kind}=…; there are {listed(record.name for record in records)}."
        )


def _check_name(name: str) -> None:
    # The name becomes the name of files and folders.
    is_plain = name.isprintable() and not any(c in name for c in "/\\")
    if not name or name.startswith(".") or not is_plain:
        raise ConfigError(
            f"hydra.sweeper.study_name={name!r}: must be a plain name, without slashes, control "
            "characters or a leading dot."
        )
    if len(os.fsencode(name)) > LONGEST_NAME:
        raise ConfigError(
            f"hydra.sweeper.study_name={name}: has more than {LONGEST_NAME} bytes; give a shorter "
            "one."
        )
