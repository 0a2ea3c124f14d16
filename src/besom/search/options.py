"""What ``hydra.sweeper`` accepts: the schema, with every default, of ``hydra/sweeper=besom``.

Names follow hydra-optuna-sweeper where the meaning is the same, so that its users can move by
changing one word; :mod:`besom.search.optuna_sweeper_options` reads what only that has. No Optuna:
Hydra imports this at the start of every application.
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
    """

    top_k: int = 0
    seeds: int = 5
    seed_key: str = "seed"
    metric: str | None = None
    direction: str | None = None
    overrides: list[str] = field(default_factory=list)


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
        n_jobs: worker processes.
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
        confirm: what happens after the trials, see :class:`ConfirmOptions`.
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
    _recursive_: bool = False  # a sampler's _target_ is a name that is read, not called
    sampler: Any = MISSING
    pruner: Any = MISSING
    root: str = "mlruns"
    study_name: Any = "${hydra.job.name}"
    storage: Any = None
    tracking_uri: str | None = None
    experiment: str = "besom"
    n_trials: int = 20
    n_jobs: int = 2
    direction: Any = "minimize"
    objective: Any = None
    params: dict[str, Any] | None = field(default_factory=dict)
    search_space: dict[str, Any] | None = field(default_factory=dict)
    baseline: dict[str, Any] = field(default_factory=dict)
    custom_search_space: str | None = None
    max_failure_rate: Any = MOST_FAILURES
    max_attempts: int = 3
    timeout: float | None = None
    trial_timeout: float | None = None
    hang_timeout: float | None = None
    duplicates: str = "reuse"
    confirm: ConfirmOptions = field(default_factory=ConfirmOptions)
    dry_run: bool = False


@dataclass
class Sampler:
    """Arguments of Optuna's class; null is its own default.

    ``_target_`` names that class, as hydra-optuna-sweeper's configurations do, and chooses ours.
    """

    name: str = MISSING
    _target_: str | None = None
    seed: int | None = None


@dataclass
class TpeSampler(Sampler):
    """Tree-structured Parzen estimator (Bergstra et al., 2011), multivariate; with several
    objectives that of Ozaki et al. (2020).

    ``history`` bounds how many ended trials it looks at: the newest ones, beside the 25 best.
    Where null it looks at all, and a proposal takes longer with every trial of the study.
    """

    name: str = "tpe"
    n_startup_trials: int = 10
    history: int | None = None
    n_ei_candidates: int | None = None
    n_ehvi_candidates: int | None = None  # the same, as the sampler motpe had it
    multivariate: bool | None = None
    group: bool | None = None
    constant_liar: bool | None = None
    consider_prior: bool | None = None
    prior_weight: float | None = None
    consider_magic_clip: bool | None = None
    consider_endpoints: bool | None = None
    warn_independent_sampling: bool | None = None
    gamma: Any = None
    weights: Any = None
    constraints_func: Any = None


@dataclass
class RandomSampler(Sampler):
    """Independent uniform draws."""

    name: str = "random"


@dataclass
class GridSampler(Sampler):
    """Every point of a space of choices and ranges, once."""

    name: str = "grid"
    _partial_: bool = True  # hydra-optuna-sweeper's files say so


@dataclass
class QmcSampler(Sampler):
    """Quasi-Monte Carlo: Sobol's sequence, scrambled where there is a seed."""

    name: str = "qmc"
    qmc_type: str = "sobol"
    scramble: bool | None = None
    independent_sampler: Any = None
    warn_asynchronous_seeding: bool = False
    warn_independent_sampling: bool = False


@dataclass
class CmaesSampler(Sampler):
    """Covariance matrix adaptation (Hansen, 2001); the extra ``besom[cmaes]``."""

    name: str = "cmaes"
    x0: dict[str, Any] | None = None
    sigma0: float | None = None
    consider_pruned_trials: bool | None = None
    use_separable_cma: bool | None = None
    warn_independent_sampling: bool | None = None
    independent_sampler: Any = None
    restart_strategy: str | None = None  # neither has an effect since Optuna 4.4
    inc_popsize: int | None = None
    source_trials: Any = None


@dataclass
class GpSampler(Sampler):
    """Gaussian process with log expected improvement; the extra ``besom[gp]``."""

    name: str = "gp"
    n_startup_trials: int = 10
    deterministic_objective: bool | None = None
    independent_sampler: Any = None
    warn_independent_sampling: bool | None = None
    constraints_func: Any = None


@dataclass
class NsgaiiSampler(Sampler):
    """Genetic search for several objectives (Deb et al., 2002)."""

    name: str = "nsgaii"
    population_size: int | None = None
    mutation_prob: float | None = None
    crossover_prob: float | None = None
    swapping_prob: float | None = None
    constraints_func: Any = None


@dataclass
class NoPruner:
    """Every trial runs to its end."""

    name: str = "none"


@dataclass
class MedianPruner:
    """Ends a trial that is worse than the median of the others at the same step."""

    name: str = "median"
    n_startup_trials: int = 5
    n_warmup_steps: int = 0
    interval_steps: int = 1


@dataclass
class AshaPruner:
    """Asynchronous successive halving (Li et al., 2018)."""

    name: str = "asha"
    min_resource: int = 1
    reduction_factor: int = 4
    min_early_stopping_rate: int = 0


@dataclass
class HyperbandPruner:
    """Hyperband (Li et al., 2017): successive halving with several first rungs.

    ``max_resource`` is the largest number of steps, or ``auto``: the longest finished trial's.
    """

    name: str = "hyperband"
    min_resource: int = 1
    max_resource: Any = "auto"
    reduction_factor: int = 3


@dataclass
class PatientPruner:
    """Ends a trial that has not improved for ``patience`` steps."""

    name: str = "patient"
    patience: int = 3
    min_delta: float = 0.0


@dataclass
class ThresholdPruner:
    """Ends a trial whose reported value leaves ``lower`` … ``upper``."""

    name: str = "threshold"
    lower: float | None = None
    upper: float | None = None
    n_warmup_steps: int = 0
    interval_steps: int = 1


SAMPLERS = (
    TpeSampler,
    RandomSampler,
    GridSampler,
    QmcSampler,
    CmaesSampler,
    GpSampler,
    NsgaiiSampler,
)
PRUNERS = (NoPruner, MedianPruner, AshaPruner, HyperbandPruner, PatientPruner, ThresholdPruner)
