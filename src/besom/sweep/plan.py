"""A sweep as requested, checked before anything starts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from itertools import starmap
from pathlib import Path
from typing import Any

from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from besom.app.error_messages import SEARCHED
from besom.app.hooks import Hooks, hooks_of, task_config, without_exits
from besom.app.job import JobRunner
from besom.app.source import Source, named_by, source_of
from besom.common.errors import ConfigError
from besom.common.flatten import flatten
from besom.search.algorithms.pruners import make_pruner
from besom.search.algorithms.remarks import unconstrained, unguided
from besom.search.algorithms.samplers import rehearse
from besom.search.check import check_options
from besom.search.constraints import Constraints
from besom.search.objective import Objective, read_objective
from besom.search.options import AUTO, SweepOptions
from besom.search.space.baseline import check_interpolations, compose, read_moved
from besom.search.space.baseline_point import propose_baseline
from besom.search.space.folders import check_folders
from besom.search.space.grammar import PARAMS, read_space
from besom.search.space.point import Point, read_points
from besom.search.space.space import Scalar, Space, Suggest, read_suggest
from besom.search.stopping.rules import check_stop
from besom.search.trial_row import TrialRow
from besom.search.warm_start.read import read_warm_start
from besom.search.warm_start.transfer import Target
from besom.search.warm_start.trials import WarmStart
from besom.sweep.callbacks.base import Callback
from besom.sweep.callbacks.read import read_callbacks
from besom.sweep.confirmation import seeds
from besom.workers.pool import Pool, make_pool
from besom.workers.ray.protocol import RaySettings
from besom.workers.resources import NOTHING_SAID, Resources, check_room, read_resources, room

NOTHING_SEARCHED = f"Nothing is searched, so the configuration runs once; search with {SEARCHED}."


@dataclass(frozen=True)
class Plan:
    """Everything that a sweep needs to know.

    Attributes:
        baseline: the configuration without any proposal, without the ``hydra`` node.
        baseline_params: the baseline as a proposal; empty if it lies outside the space; None if it
            cannot run because a searched key has no value.
        suggest: adds to an Optuna trial what ``custom_search_space`` defines; None without one.
        baseline_words: the overrides that compose the baseline.
        source: the application's source code as it is today.
        outside: the baseline's values of the searched keys, if it lies outside the space.
        identity: the baseline's, as the task's hook returned it before anything was started.
        to_check: configurations that the task checks against its data: the baseline, the baseline
            as it is confirmed, and each end of the space.
        remarks: what to show before the first trial.
        is_elastic: whether there are as many workers as the pool has room for, which may change.
        resources: of one worker.
        enqueued: points that are tried before the sampler is asked.
        callbacks: the objects that are told of the sweep's events.
        warm_start: the studies from whose trials the sampler learns.
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
    base_params: Mapping[str, Any] = field(default_factory=dict)
    outside: Mapping[str, Any] | None = None
    remarks: tuple[str, ...] = ()
    is_elastic: bool = False
    identity: Mapping[str, str] = field(default_factory=dict)
    to_check: tuple[DictConfig, ...] = ()
    resources: Resources = NOTHING_SAID
    enqueued: tuple[Point, ...] = ()
    callbacks: tuple[Callback, ...] = ()
    warm_start: WarmStart = field(default_factory=WarmStart)

    @property
    def baseline_words(self) -> tuple[str, ...]:
        """The overrides that compose the baseline."""
        return self.space.propose(self.base_params)

    def overrides(self, row: TrialRow) -> tuple[str, ...]:
        """Return the overrides that compose the configuration of a trial."""
        if row.outside is not None:
            return self.baseline_words
        return self.space.propose(row.params)

    @property
    def n_jobs(self) -> int | None:
        """How many workers; None for as many as there is room for."""
        return None if self.is_elastic else self.options.n_jobs

    @cached_property
    def constraints(self) -> Constraints:
        return Constraints.read(self.options.constraints)

    @property
    def log_folder(self) -> Path:
        """Where the workers keep what they print."""
        return self.application.job_folders / "workers"

    @property
    def counted(self) -> Source:
        """The source whose values count; without a digest if values of any source count."""
        any_code = self.options.duplicates == "reuse_any_code"
        return Source(None, "values of any count") if any_code else self.source

    def counts(self, code: str) -> bool:
        """Return whether values that ``code`` has made count, see :attr:`TrialRow.code`."""
        return not self.counted.differs_from(Source.read(code))

    def is_place(self, key: str) -> bool:
        """Return whether a key only says where things are, which is no fact of a study."""
        return f"{key}.".startswith(tuple(f"{place}." for place in self.hooks.places))

    def options_of(self, row: TrialRow) -> dict[str, Any]:
        """Return the options of config groups that a trial was given, without its other values."""
        groups = [dimension.key for dimension in self.space.dimensions if dimension.is_group]
        return {key: row.shown[key] for key in groups if key in row.shown}


def make_plan(
    options: SweepOptions,
    application: JobRunner,
    arguments: list[str],
    show: Callable[[SweepOptions, Objective, Space, int | None], None] = lambda *read: None,
) -> Plan:
    """Read and check everything that the user has asked for.

    Args:
        arguments: the command line's overrides, those of ``hydra`` excluded.
        show: called once the options are checked, before the task reads its data. Its last argument
            is the number of enqueued points; None if only the study can tell it.

    Raises:
        UserError: something in it cannot work; says what, and what would.
        hydra.errors.HydraException: an override does not fit the configuration.
    """
    if options.confirm.only:
        options = replace(options, n_trials=1)  # no more than there are
    check_options(options)
    asked = options.resources
    resources = read_resources(asked.cpus, asked.gpus, asked.memory)
    options = _with_room(options, resources)
    objective = read_objective(options.objective, options.direction)
    _check_pruner(options, objective)
    space = _read_space(options, application, arguments)
    check_stop(options.stop, objective, space)
    hooks = without_exits(hooks_of(application.task))
    custom = options.custom_search_space
    remarks = [
        *starmap(_removal, space.removed.items()),
        unguided(options.sampler, space.dimensions),
    ]
    remarks.append(unconstrained(options.sampler, options.constraints))
    if not space.dimensions and custom is None:
        options = replace(options, n_trials=1)
        remarks.append(NOTHING_SEARCHED)
    moved = read_moved(options.baseline or {}, space, is_open=custom is not None)
    base = compose(application, space, moved)
    baseline = task_config(base.whole)
    remarks.append(check_interpolations(base))
    if options.n_jobs != 1:
        check_folders(application, space, base)
    suggest = read_suggest(custom, baseline, space)
    rehearse(options.sampler, space.dimensions, objective.directions, suggest)
    hooks.check(baseline)
    names, to_check = set(named_by(flatten(baseline))), [baseline]
    check = partial(_check, hooks, names, to_check)
    proposal = propose_baseline(application, space, base, suggest, check)
    enqueued = read_points(options.enqueue, space, suggest, proposal.params)
    target = Target(space, suggest, baseline, proposal.point)
    warm_start = read_warm_start(options, objective, target)
    to_check += seeds.check_confirmed(options.confirm, objective, space, application, base)
    callbacks = read_callbacks(options.callbacks)
    constraints = Constraints.read(options.constraints)
    n_best = warm_start.n_first(constraints, proposal.params)
    show(options, objective, space, n_best if warm_start.n_best else len(enqueued))
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
        base_params=base.params,
        outside=proposal.outside,
        remarks=tuple(filter(None, (*remarks, proposal.remark, *warm_start.remarks))),
        identity=hooks.identity(baseline),
        to_check=tuple(to_check),
        resources=resources,
        enqueued=enqueued,
        callbacks=callbacks,
        warm_start=warm_start,
    )


def pool_of(plan: Plan, application: JobRunner, log_folder: Path) -> Pool:
    """Return the pool that a sweep asks for; start none of its workers.

    Args:
        log_folder: for the workers' output.
    """
    options = plan.options
    shared = options.ray.shared_folder
    settings = RaySettings(
        address=options.ray.address,
        shared_folder=Path(shared).absolute() if shared else None,
        runtime_env=options.ray.runtime_env or {},
        left_out=(Path(options.root).absolute(),),
    )
    size = None if options.n_jobs == AUTO else options.n_jobs
    return make_pool(application, size, log_folder, options.pool, plan.resources, settings)


def _with_room(options: SweepOptions, resources: Resources) -> SweepOptions:
    """Fill in or check the number of workers that this machine has room for; not for a cluster.

    Raises:
        ConfigError: more is asked for than there is.
    """
    if options.pool == "ray" and options.ray.address is not None:
        return options
    if options.n_jobs == AUTO:
        return replace(options, n_jobs=room(resources))
    check_room(resources, options.n_jobs)
    return options


def _check_pruner(options: SweepOptions, objective: Objective) -> None:
    make_pruner(options.pruner)
    if not objective.single and options.pruner.name != "none":
        raise ConfigError(
            f"hydra/sweeper/pruner={options.pruner.name}: several objectives cannot be pruned; "
            "take hydra/sweeper/pruner=none."
        )


def _check(
    hooks: Hooks,
    names: set[str],
    checked: list[DictConfig],
    proposal: Mapping[str, Scalar],
    config: DictConfig,
) -> None:
    """Refuse a configuration that no trial could run; otherwise keep it, and the names in it."""
    try:
        names |= named_by(flatten(config))
    except OmegaConfBaseException:  # of this option only; its trials will say so
        if any("${" in str(value) for value in proposal.values()):
            raise
    hooks.check(config)
    checked.append(config)


def _removal(key: str, word: str) -> str:
    is_override = "=" in word and not word.startswith(PARAMS)
    instead = f"; hydra.sweeper.baseline.{word.lstrip('+')} would move the baseline alone"
    return f"`{word}` takes {key} out of the search{instead if is_override else ''}."


def _read_space(options: SweepOptions, application: JobRunner, arguments: list[str]) -> Space:
    space = read_space(options.params or {}, arguments, application.context.config_loader)
    custom = options.custom_search_space
    if custom is not None and options.sampler.name == "grid":
        raise ConfigError(
            f"hydra.sweeper.custom_search_space={custom}: a grid must know all its points "
            "beforehand; take another sampler."
        )
    return space
