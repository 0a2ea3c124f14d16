"""A sweep as it was asked for, checked before anything is started."""

import os
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from besom.app.error_messages import SEARCHED
from besom.app.hooks import Hooks, hooks_of, task_config
from besom.app.job import JobRunner
from besom.app.source import Source, named_by, source_of
from besom.common.errors import ConfigError
from besom.common.flatten import flatten
from besom.common.suggest import listed
from besom.search.objective import Objective, read_objective
from besom.search.options import PRUNERS, SAMPLERS, SweepOptions
from besom.search.samplers import rehearse, unguided
from besom.search.space.baseline import Base, changed, compose, read_moved
from besom.search.space.grammar import read_space
from besom.search.space.proposal import propose_baseline
from besom.search.space.space import Scalar, Space, Suggest, read_suggest
from besom.search.trial_row import TrialRow
from besom.sweep.confirmation import seeds
from besom.sweep.confirmation.only import confirms_only

LONGEST_NAME = 200
"""Bytes; file systems take 255, and names of files get endings."""

NOTHING_SEARCHED = f"Nothing is searched, so the configuration runs once; search with {SEARCHED}."

DUPLICATES = ("reuse", "reuse_any_code", "rerun")

OF_EACH_JOB = ("hydra.sweep.dir", "hydra.sweep.subdir", "hydra.output_subdir", "hydra.job.name")
"""Hydra reads these for every job; much else of its own is never read in a sweep."""


@dataclass(frozen=True)
class Plan:
    """Everything that a sweep needs to know.

    Attributes:
        baseline: the configuration without any proposal, without the ``hydra`` node.
        baseline_params: the same as a proposal; empty where it lies outside the space; None where
            it cannot run, since a searched key has no value.
        suggest: adds to an Optuna trial what ``custom_search_space`` defines; None without one.
        baseline_words: the overrides that compose it.
        source: the application's own, as it is today.
        outside: its own values of what is searched, where it lies outside the space.
        identity: of the baseline, as its hook told before anything was started.
        to_check: configurations that the task is to look at with its data: the baseline, the same
            as it is confirmed, and each end of the space.
        remarks: what to show before the first trial.
        confirms_only: no trial is started, and the best of those that there are is confirmed.
    """

    options: SweepOptions
    application: JobRunner
    space: Space
    objective: Objective
    baseline: DictConfig
    baseline_params: dict[str, Any] | None
    suggest: Suggest | None
    hooks: Hooks
    source: Source
    baseline_words: tuple[str, ...] = ()
    outside: Mapping[str, Any] | None = None
    remarks: tuple[str, ...] = ()
    confirms_only: bool = False
    identity: Mapping[str, str] = field(default_factory=dict)
    to_check: tuple[DictConfig, ...] = ()

    def overrides(self, row: TrialRow) -> tuple[str, ...]:
        """What composes the configuration of a trial."""
        if row.outside is not None:
            return self.baseline_words
        return self.space.propose(row.params)

    @property
    def log_folder(self) -> Path:
        """Where the workers keep what they print."""
        return Path(self.application.master.hydra.sweep.dir).absolute() / "workers"

    @property
    def counted(self) -> Source:
        """The source whose values count; not known where those of any do."""
        any_code = self.options.duplicates == "reuse_any_code"
        return Source(None, "values of any count") if any_code else self.source

    def counts(self, code: str) -> bool:
        """Whether values that ``code`` has made count, see :attr:`TrialRow.code`."""
        return not self.counted.differs_from(Source.read(code))

    def options_of(self, row: TrialRow) -> dict[str, Any]:
        """The options of config groups that a trial has been given; no key of its configuration."""
        groups = [dimension.key for dimension in self.space.dimensions if dimension.is_group]
        return {key: row.shown[key] for key in groups if key in row.shown}


def make_plan(
    options: SweepOptions,
    application: JobRunner,
    arguments: list[str],
    show: Callable[[SweepOptions, Objective, Space, bool], None] = lambda *read: None,
) -> Plan:
    """Read and check all that the user said.

    Args:
        arguments: the command line's overrides, those of ``hydra`` excluded.
        show: called with what the words alone tell, and whether it only confirms, once nothing is
            wrong with them; before the task reads its data.

    Raises:
        UserError: anything of it cannot work; says what, and what would.
        hydra.errors.HydraException: an override does not fit the configuration.
    """
    if only_confirms := confirms_only():
        options = replace(options, n_trials=1)  # no more than there are
    check_options(options)
    objective = read_objective(options.objective, options.direction)
    _check_pruner(options, objective)
    space = _read_space(options, application, arguments)
    hooks = hooks_of(application.task)
    custom = options.custom_search_space
    remarks = [*map(_removal, space.removed), unguided(options.sampler, space.dimensions)]
    if not space.dimensions and custom is None:
        options = replace(options, n_trials=1)
        remarks.append(NOTHING_SEARCHED)
    moved = read_moved(options.baseline, space, is_open=custom is not None)
    base = compose(application, space, moved)
    baseline = _resolved(base)
    rehearse(options.sampler, space.dimensions, objective.directions)
    hooks.check(baseline)
    suggest = read_suggest(custom, baseline, space)
    names, to_check = set(named_by(flatten(baseline))), [baseline]
    check = partial(_check, hooks, names, to_check)
    proposal = propose_baseline(application, space, base, suggest, check)
    to_check += _check_confirmation(options, objective, space, application, base)
    show(options, objective, space, only_confirms)
    return Plan(
        options=options,
        application=application,
        space=space,
        objective=objective,
        baseline=baseline,
        baseline_params=proposal.params,
        suggest=suggest,
        hooks=hooks,
        source=source_of(application.task, frozenset(names)),
        baseline_words=base.words,
        outside=proposal.outside,
        remarks=tuple(filter(None, (*remarks, proposal.remark))),
        confirms_only=only_confirms,
        identity=hooks.identity(baseline),
        to_check=tuple(to_check),
    )


def _check_pruner(options: SweepOptions, objective: Objective) -> None:
    if not objective.single and options.pruner.name != "none":
        raise ConfigError(
            f"hydra/sweeper/pruner={options.pruner.name}: several objectives cannot be pruned; "
            "take hydra/sweeper/pruner=none."
        )


def _check_confirmation(
    options: SweepOptions, objective: Objective, space: Space, application: JobRunner, base: Base
) -> list[DictConfig]:
    """The baseline as it will be confirmed, on the first of the fresh seeds; checked."""
    if not options.confirm.top_k:
        return []
    baseline = task_config(base.whole)
    seeds.check(options.confirm, objective, space, baseline)
    seeds.check_baseline(base.lacking)
    again = seeds.overrides(options.confirm, seeds.seeds(options.confirm, baseline)[0])
    confirmed = changed(application, baseline, base.words, again)
    hooks_of(application.task).check(confirmed)
    return [confirmed]


def _check(
    hooks: Hooks,
    names: set[str],
    checked: list[DictConfig],
    proposal: Mapping[str, Scalar],
    config: DictConfig,
) -> None:
    """Refuse a configuration that no trial could run; keep it, and what it names."""
    try:
        names |= named_by(flatten(config))
    except OmegaConfBaseException:  # of this option alone; its trials say so
        if any("${" in str(value) for value in proposal.values()):
            raise
    hooks.check(config)
    checked.append(config)


def _removal(override: str) -> str:
    key, _, value = override.partition("=")
    instead = f"; hydra.sweeper.baseline.{key}={value} would move the baseline alone"
    return f"`{override}` takes {key.lstrip('+~')} out of the search{instead if value else ''}."


def _resolved(base: Base) -> DictConfig:
    """The task's configuration. Finds what no trial could: an environment variable that is not
    set, a key that is not there.

    Raises:
        omegaconf.errors.InterpolationResolutionError: names the key that asks for it.
    """
    task = task_config(base.whole)
    flatten(task)
    for key in OF_EACH_JOB:
        OmegaConf.select(base.whole, key)
    hydra: Any = deepcopy(HydraConfig.instance().cfg)  # where Hydra looks it up: no other values
    flatten(hydra.hydra.job.env_set)
    return task


def _read_space(options: SweepOptions, application: JobRunner, arguments: list[str]) -> Space:
    space = read_space(options.params or {}, arguments, application.context.config_loader)
    custom = options.custom_search_space
    if custom is not None and options.sampler.name == "grid":
        raise ConfigError(
            f"hydra.sweeper.custom_search_space={custom}: a grid must know all its points "
            "beforehand; take another sampler."
        )
    return space


def check_options(options: SweepOptions) -> None:
    """Refuse numbers that make no sweep.

    Raises:
        ConfigError: names the option, its value and its limit.
    """
    for name in ("n_trials", "n_jobs", "max_attempts"):
        if getattr(options, name) < 1:
            raise ConfigError(f"hydra.sweeper.{name}={getattr(options, name)}: must be at least 1.")
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
    _check_name(options.study_name)


def _check_chosen(kind: str, chosen: Any, records: Sequence[type[Any]]) -> None:
    """A group's option is a record with its name; text, or another name, is neither."""
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
