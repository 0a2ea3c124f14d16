"""The schema of ``hydra.sweeper`` for ``hydra/sweeper=besom``, with every default.

Names follow hydra-optuna-sweeper where the meaning is the same, so that its users can move by
changing one word. :mod:`besom.search.optuna_sweeper_options` reads options that only that sweeper
has, and :mod:`besom.search.check` checks the values. This module does not import Optuna, because
Hydra imports it at the start of every application.
"""

from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING

GROUP = "hydra/sweeper"

SWEEPER = "hydra_plugins.besom.sweeper.BesomSweeper"
TARGETS = {
    SWEEPER: SWEEPER,
    "hydra_plugins.hydra_optuna_sweeper.optuna_sweeper.OptunaSweeper": SWEEPER,
}
"""The sweeper for each allowed ``_target_``; a file may still name hydra-optuna-sweeper's."""

FEWEST_SEEDS = 2
"""The least number of seeds of a confirmation: a single value has no spread."""
MOST_FAILURES = 0.2
"""The default of ``max_failure_rate``."""
AUTO = "auto"
"""The value of ``n_jobs`` for as many workers as there is room for."""


@dataclass
class ConfirmOptions:
    """The confirmation: the baseline and the best trials are trained again on fresh seeds, and
    judged.

    Attributes:
        top_k: how many of the best trials; 0 for no confirmation.
        seeds: how many seeds, the same ones for each.
        seed_key: the key of the configuration that seeds a training.
        metric: the metric to judge, of those that the task returns; the objective if null.
        direction: ``minimize`` or ``maximize``, needed if ``metric`` is not the objective. The
            objective has its own.
        overrides: further overrides of a confirmation, such as one that opens the test split.
        only: start no trial, and confirm the best of the existing ones.
    """

    top_k: int = 0
    seeds: int = 5
    seed_key: str = "seed"
    metric: str | None = None
    direction: str | None = None
    overrides: list[str] | None = field(default_factory=list)
    only: bool = False


@dataclass
class StopOptions:
    """Rules that end a sweep early. The sweep ends as soon as one of them holds: running trials are
    finished, and the confirmation follows. A rule that is null never holds.

    Attributes:
        no_improvement: the number of trials that have ended, complete or pruned, since the best one
            did. With several objectives, since the last one that is on the Pareto front.
        target: a value of the objective that is good enough. Not with several objectives.
        regret: the largest difference, in units of the objective, between the best value so far and
            the best that the space may hold. It is compared with an upper bound from a Gaussian
            process, fitted to the better half of the complete trials, from 20 of them on (Optuna's
            ``RegretBoundEvaluator``, after Makarova et al.,
            https://proceedings.mlr.press/v188/makarova22a.html). Not with several objectives. It
            needs the extra ``gp``.
    """

    no_improvement: int | None = None
    target: float | None = None
    regret: float | None = None


@dataclass
class ResourcesOptions:
    """The resources of one worker. A sweep that asks for more than is available is refused.

    Attributes:
        cpus: cores, which limit the threads of numerical libraries. If null, the cores of the
            machine divided by the number of workers.
        gpus: a whole number, or a fraction below 1 of a GPU that workers share; 0 for none. If
            null, every worker sees all GPUs.
        memory: bytes, or text such as ``4GiB``. It limits how many workers there are; a worker that
            takes more is not ended.
    """

    cpus: float | None = None
    gpus: float | None = None
    memory: Any = None


@dataclass
class RayOptions:
    """The cluster of ``pool=ray``.

    Attributes:
        address: the address of a running cluster of which this machine is a node: ``auto`` or
            ``host:port``. If null, a cluster is started here for the duration of the sweep, on the
            loopback device only.
        shared_folder: a folder that all nodes see under the same path. The working folder and the
            files of the trials are not sent if they lie below it.
        runtime_env: Ray's own description of what the nodes need: ``pip``, ``env_vars``, ….
    """

    address: str | None = None
    shared_folder: str | None = None
    runtime_env: dict[str, Any] | None = field(default_factory=dict)


@dataclass
class SweepOptions:
    """Options of one sweep.

    Attributes:
        root: folder for everything that the sweep writes.
        study_name: the study; the same name again resumes it. The job's name if null.
        storage: address of Optuna's database; SQLite below ``root`` if null.
        tracking_uri: address of MLflow; SQLite below ``root`` if null.
        experiment: MLflow experiment that holds the runs.
        n_trials: the study's total; a resumed study runs those that are left.
        n_jobs: number of worker processes, or ``auto`` for as many as there is room for.
        resources: those of one worker, see :class:`ResourcesOptions`.
        pool: where the workers run: ``local`` on this machine, or ``ray`` on a cluster.
        ray: the cluster, see :class:`RayOptions`.
        direction: ``minimize``, ``maximize``, or a list with one for each objective.
        objective: name, or names, of the objective among the metrics that the task returns and
            reports. A plain number that is returned is the named objective. If a returned mapping
            lacks the name, or nothing is returned, the last report of that name counts. Not needed
            if the task returns plain numbers and reports one metric. It may be changed, with the
            direction, until a trial of the study has been judged.
        params: search space, a mapping of keys to Hydra sweep expressions.
        search_space: an older form of ``params``, from hydra-optuna-sweeper.
        baseline: a mapping of searched keys to the baseline's values, where these differ from the
            configuration's.
        enqueue: your own points, ``[{model.units: 64}, …]``. Each is tried once, after the baseline
            and before the sampler's proposals; the sampler fills in keys that a point lacks.
            ``best 5`` enqueues the best trials of ``warm_start``.
        warm_start: studies whose finished trials the sampler (tpe, gp or cmaes) learns from before
            the first trial: names of studies in the same database, or
            ``sqlite:///other.db#NAME``. They may not change when a study is resumed.
        custom_search_space: dotted path of a function ``(config, trial)`` that suggests more
            parameters, conditionally on the earlier ones.
        sampler, pruner: chosen with ``hydra/sweeper/sampler=…`` and ``hydra/sweeper/pruner=…``.
        max_failure_rate: the sweep ends when more than this share of ``n_trials`` has failed.
        max_attempts: how often a trial is attempted if its worker dies.
        timeout: seconds after which no new trial starts; running ones are finished.
        trial_timeout: seconds after which a trial is ended as failed.
        hang_timeout: seconds without a message from a trial's worker after which the worker is
            ended as if it had died, and the trial is tried again.
        duplicates: ``reuse`` the value of a finished trial with the same configuration, or
            ``rerun`` it. In both cases, trials of other source code do not count; with
            ``reuse_any_code`` they count as trials of today's.
        stop: rules that end the trials before ``n_trials``, see :class:`StopOptions`.
        keep_models: models of ``all`` trials, of the ``best N`` so far, or of ``none``. The others
            are deleted from MLflow once they are beaten. The models of a confirmation's finalists
            and baseline, and registered models, stay.
        constraints: a mapping of metrics that the task returns or reports to comparisons,
            ``{model_bytes: "<= 4e6"}``. A trial that violates one is never the best, but the
            samplers tpe, gp, nsga2 and nsga3 learn from it. They may be changed when a study is
            resumed; its trials are then judged anew.
        confirm: the confirmation after the trials, see :class:`ConfirmOptions`.
        callbacks: listeners that are told of the sweep while it runs: a list of nodes with
            ``_target_``, or a mapping from names to them. Each makes a ``besom.Callback``. They may
            change when a study is resumed.
        dry_run: only show the space, the first proposals, and the estimated cost.
    """

    defaults: list[Any] = field(
        default_factory=lambda: [
            {"sampler": "tpe"},
            {"pruner": "none"},
            {f"/{GROUP}/callbacks@_global_.hydra.callbacks": "besom"},
        ]
    )
    _target_: str = SWEEPER
    _recursive_: bool = False  # Besom, not Hydra, reads the _target_ of a sampler or callback
    sampler: Any = MISSING
    pruner: Any = MISSING
    root: str = "mlruns"
    study_name: Any = "${hydra.job.name}"
    storage: Any = None
    tracking_uri: str | None = None
    experiment: str = "besom"
    n_trials: int = 20
    n_jobs: Any = 2
    resources: ResourcesOptions = field(default_factory=ResourcesOptions)
    pool: str = "local"
    ray: RayOptions = field(default_factory=RayOptions)
    direction: Any = "minimize"
    objective: Any = None
    params: dict[str, Any] | None = field(default_factory=dict)
    search_space: dict[str, Any] | None = field(default_factory=dict)
    baseline: dict[str, Any] | None = field(default_factory=dict)
    enqueue: Any = None
    warm_start: Any = None
    custom_search_space: str | None = None
    max_failure_rate: Any = MOST_FAILURES
    max_attempts: int = 3
    timeout: float | None = None
    trial_timeout: float | None = None
    hang_timeout: float | None = None
    duplicates: str = "reuse"
    stop: StopOptions = field(default_factory=StopOptions)
    keep_models: Any = "all"
    constraints: dict[str, Any] | None = field(default_factory=dict)
    confirm: ConfirmOptions = field(default_factory=ConfirmOptions)
    callbacks: Any = None
    dry_run: bool = False
