"""What ``hydra.sweeper`` accepts: the schema, with every default, of ``hydra/sweeper=besom``.

Names follow hydra-optuna-sweeper where the meaning is the same, so that its users can move by
changing one word. No Optuna here: Hydra imports this at the start of every application.
"""

from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING

GROUP = "hydra/sweeper"


FEWEST_SEEDS = 2
"""Of a confirmation: one number has no spread."""


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
        study_name: the study; the same name again resumes it.
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
        custom_search_space: dotted path of a function ``(config, trial)`` that suggests more
            parameters, conditionally on those before.
        sampler, pruner: chosen with ``hydra/sweeper/sampler=…`` and ``hydra/sweeper/pruner=…``.
        max_failure_rate: the sweep ends when more than this part of ``n_trials`` has failed.
        max_attempts: how often a trial is tried whose worker dies.
        timeout: seconds after which no new trial starts; running ones are finished.
        trial_timeout: seconds after which a trial is ended and has failed.
        hang_timeout: seconds without a word of a trial's worker after which that is ended as if it
            had died, and the trial tried again.
        duplicates: ``reuse`` the value of a finished equal configuration, or ``rerun`` it.
        confirm: what happens after the trials, see :class:`ConfirmOptions`.
        dry_run: only show the space, the first proposals, and the estimated cost.
    """

    defaults: list[Any] = field(default_factory=lambda: [{"sampler": "tpe"}, {"pruner": "none"}])
    _target_: str = "hydra_plugins.besom.sweeper.BesomSweeper"
    sampler: Any = MISSING
    pruner: Any = MISSING
    root: str = "mlruns"
    study_name: str = "${hydra.job.name}"
    storage: str | None = None
    tracking_uri: str | None = None
    experiment: str = "besom"
    n_trials: int = 20
    n_jobs: int = 2
    direction: Any = "minimize"
    objective: Any = None
    params: dict[str, Any] = field(default_factory=dict)
    custom_search_space: str | None = None
    max_failure_rate: float = 0.2
    max_attempts: int = 3
    timeout: float | None = None
    trial_timeout: float | None = None
    hang_timeout: float | None = None
    duplicates: str = "reuse"
    confirm: ConfirmOptions = field(default_factory=ConfirmOptions)
    dry_run: bool = False


@dataclass
class TpeSampler:
    """Tree-structured Parzen estimator (Bergstra et al., 2011), multivariate.

    ``history`` bounds how many ended trials it looks at: the newest ones, beside the 25 best.
    Where null it looks at all, and a proposal takes longer with every trial of the study.
    """

    name: str = "tpe"
    seed: int | None = None
    n_startup_trials: int = 10
    history: int | None = None


@dataclass
class RandomSampler:
    """Independent uniform draws."""

    name: str = "random"
    seed: int | None = None


@dataclass
class GridSampler:
    """Every point of a space of choices and ranges, once."""

    name: str = "grid"
    seed: int | None = None


@dataclass
class QmcSampler:
    """Quasi-Monte Carlo: Sobol's sequence, scrambled."""

    name: str = "qmc"
    seed: int | None = None


@dataclass
class CmaesSampler:
    """Covariance matrix adaptation (Hansen, 2001); the extra ``besom[cmaes]``."""

    name: str = "cmaes"
    seed: int | None = None


@dataclass
class GpSampler:
    """Gaussian process with log expected improvement; the extra ``besom[gp]``."""

    name: str = "gp"
    seed: int | None = None
    n_startup_trials: int = 10


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


SAMPLERS = (TpeSampler, RandomSampler, GridSampler, QmcSampler, CmaesSampler, GpSampler)
PRUNERS = (NoPruner, MedianPruner, AshaPruner, HyperbandPruner, PatientPruner, ThresholdPruner)
