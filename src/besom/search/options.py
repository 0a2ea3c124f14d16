"""What ``hydra.sweeper`` accepts: the schema, with every default, of ``hydra/sweeper=besom``.

Names follow hydra-optuna-sweeper where the meaning is the same, so that its users can move by
changing one word; :mod:`besom.search.optuna_sweeper_options` reads what only that has, and
:mod:`besom.search.check` refuses what makes no sweep. No Optuna: Hydra imports this at the start of
every application.
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
"""What ``_target_`` may be, and what it means: a file may still have hydra-optuna-sweeper's."""

FEWEST_SEEDS = 2
"""Of a confirmation: one number has no spread."""
MOST_FAILURES = 0.2
"""Of a sweep's trials, unless it says otherwise."""
AUTO = "auto"
"""As ``n_jobs``: as many as there is room for."""


@dataclass
class ConfirmOptions:
    """After the trials: the baseline and the best ones again, on fresh seeds, for a verdict.

    Attributes:
        top_k: how many of the best; 0 for no confirmation.
        seeds: how many seeds, the same for each.
        seed_key: the key of the configuration that seeds a training.
        metric: what is judged, among what the task returns; the objective where null.
        direction: whether more of it is better; the objective's where null.
        overrides: what else is different then, such as a test split that is opened.
        only: no trial is started, and the best of those that there are is confirmed.
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
    """When a sweep needs no more trials. One rule that holds is enough; trials that run are
    finished, and the confirmation follows. None holds where all are null.

    Attributes:
        no_improvement: so many trials have ended, complete or pruned, since the best one did; with
            several objectives, since the last one that is on the Pareto front.
        target: a value of the objective that is good enough. Not with several objectives.
        regret: by how much the best may fall short of the best that could be found, in units of the
            objective: an upper bound, by a Gaussian process that is fitted to the better half of
            the complete trials, from 20 of them on (Optuna's ``RegretBoundEvaluator``, after
            Makarova et al., https://proceedings.mlr.press/v188/makarova22a.html). Not with several
            objectives; it needs the extra ``gp``.
    """

    no_improvement: int | None = None
    target: float | None = None
    regret: float | None = None


@dataclass
class ResourcesOptions:
    """What one worker gets; null where it is not said. More than there is is refused.

    Attributes:
        cpus: cores; they cap the threads of numerical libraries. The cores of the machine, divided
            by the number of workers, where null.
        gpus: a whole number, or a fraction below 1 of one that workers share; 0 for none. Every
            worker sees all that there are where null.
        memory: bytes, or text such as ``4GiB``: what workers are counted with. None is ended for
            taking more.
    """

    cpus: float | None = None
    gpus: float | None = None
    memory: Any = None


@dataclass
class RayOptions:
    """The cluster of ``pool=ray``.

    Attributes:
        address: of a running one, ``auto`` or ``host:port``; this machine is a node of it. Where
            null, one is started here for the time of the sweep, on the loopback device alone.
        shared_folder: what all nodes see under the same path. What lies below it is not sent:
            the working folder, and what the trials write.
        runtime_env: Ray's own description of what the nodes need: ``pip``, ``env_vars``, ….
    """

    address: str | None = None
    shared_folder: str | None = None
    runtime_env: dict[str, Any] | None = field(default_factory=dict)


@dataclass
class SweepOptions:
    """Options of one sweep.

    Attributes:
        root: folder of all that the sweep writes.
        study_name: the study; the same name again resumes it. The job's name where null.
        storage: address of Optuna's database; SQLite below ``root`` where null.
        tracking_uri: address of MLflow; SQLite below ``root`` where null.
        experiment: MLflow experiment that holds the runs.
        n_trials: the study's total; a resumed study does what remains.
        n_jobs: worker processes, or ``auto`` for as many as there is room for.
        resources: of one worker, see :class:`ResourcesOptions`.
        pool: where they run: ``local`` on this machine, or ``ray`` on a cluster.
        ray: which cluster that is, see :class:`RayOptions`.
        direction: ``minimize``, ``maximize``, or a list with one for each objective.
        objective: name, or names, of the objective among what the task returns and reports. A
            plain number that is returned is the named objective; where a mapping lacks it, or
            nothing is returned, the last report of that name stands in. Not needed where the task
            returns plain numbers and reports one metric. It may be changed, with the direction,
            until a trial of the study has been judged.
        params: search space, key to Hydra sweep expression.
        search_space: the same as ``params``, as hydra-optuna-sweeper had it before.
        baseline: searched keys to the values that the baseline has of them, where these are not
            the configuration's own.
        enqueue: points of one's own, ``[{model.units: 64}, …]``, that are tried before the sampler
            is asked, after the baseline, each once; what one leaves open the sampler fills in.
            ``best 5``: the best trials of ``warm_start``.
        warm_start: studies from whose finished trials the sampler learns before the first of this
            one: names of those in the same database, or ``sqlite:///other.db#NAME``.
        custom_search_space: dotted path of a function ``(config, trial)`` that suggests more
            parameters, conditionally on those before.
        sampler, pruner: chosen with ``hydra/sweeper/sampler=…`` and ``hydra/sweeper/pruner=…``.
        max_failure_rate: the sweep ends when more than this part of ``n_trials`` has failed.
        max_attempts: how often a trial is tried whose worker dies.
        timeout: seconds after which no new trial starts; running ones are finished.
        trial_timeout: seconds after which a trial is ended and has failed.
        hang_timeout: seconds without a word of a trial's worker after which that is ended as if it
            had died, and the trial tried again.
        duplicates: ``reuse`` the value of a finished equal configuration, or ``rerun`` it. What
            other source code of the application has made counts for nothing then, and with
            ``reuse_any_code`` as today's.
        stop: what ends the trials before there are ``n_trials``, see :class:`StopOptions`.
        keep_models: models of ``all`` trials, of the ``best N`` so far, or of ``none``; the others
            are deleted from MLflow once they are beaten. Finalists of a confirmation, its baseline
            and registered models stay.
        constraints: metric to comparison, ``{model_bytes: "<= 4e6"}``, over what the task returns
            and reports: what does not keep to them teaches the sampler, and is never the best. They
            may be changed when a study is resumed; its trials are judged anew then.
        confirm: what happens after the trials, see :class:`ConfirmOptions`.
        callbacks: what is told of the sweep while it runs: a list of nodes with ``_target_``, or a
            mapping from names to them. Each makes a ``besom.Callback``; they are no part of what a
            resume is held to.
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
    _recursive_: bool = False  # the _target_ of a sampler or callback is Besom's to read
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
