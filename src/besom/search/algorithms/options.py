"""The options of each sampler and pruner, as dataclasses with all defaults.

It does not import Optuna, because Hydra imports it at the start of every application.
"""

from dataclasses import dataclass
from typing import Any

from omegaconf import MISSING


@dataclass
class Sampler:
    """Arguments of an Optuna sampler; null stands for Optuna's own default.

    ``_target_`` may name the Optuna class instead, as hydra-optuna-sweeper's configurations do. It
    then chooses the sampler with these options.
    """

    name: str = MISSING
    _target_: str | None = None
    seed: int | None = None


@dataclass
class TpeSampler(Sampler):
    """Tree-structured Parzen estimator (Bergstra et al., 2011), multivariate. With several
    objectives it is the one of Ozaki et al. (2020).

    ``history`` limits the ended trials that it uses to that many of the newest, and the 25 best.
    If it is null, all are used, and a proposal takes longer with every trial of the study.
    """

    name: str = "tpe"
    n_startup_trials: int | None = None  # Optuna's own is 10
    history: int | None = None
    n_ei_candidates: int | None = None
    n_ehvi_candidates: int | None = None  # the name of the same option in the former sampler motpe
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
    _partial_: bool = True  # present in hydra-optuna-sweeper's files


@dataclass
class QmcSampler(Sampler):
    """Quasi-Monte Carlo: Sobol's sequence, scrambled if a seed is given."""

    name: str = "qmc"
    qmc_type: str = "sobol"
    scramble: bool | None = None
    independent_sampler: Any = None
    warn_asynchronous_seeding: bool = False
    warn_independent_sampling: bool = False


@dataclass
class CmaesSampler(Sampler):
    """Covariance matrix adaptation (Hansen, 2001). It needs the extra ``besom[cmaes]``."""

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
    """Gaussian process with log expected improvement. It needs the extra ``besom[gp]``."""

    name: str = "gp"
    n_startup_trials: int = 10
    deterministic_objective: bool | None = None
    independent_sampler: Any = None
    warn_independent_sampling: bool | None = None
    constraints_func: Any = None


@dataclass
class NsgaIISampler(Sampler):
    """Genetic search for several objectives (Deb et al., 2002), also named ``nsgaii``."""

    name: str = "nsga2"
    population_size: int | None = None
    mutation_prob: float | None = None
    crossover_prob: float | None = None
    swapping_prob: float | None = None
    constraints_func: Any = None


@dataclass
class NsgaIIISampler(Sampler):
    """NSGA-II with reference points (Deb and Jain, 2014), for more than three objectives."""

    name: str = "nsga3"
    population_size: int | None = None
    mutation_prob: float | None = None
    crossover_prob: float | None = None
    swapping_prob: float | None = None
    dividing_parameter: int | None = None
    constraints_func: Any = None


@dataclass
class BruteForceSampler(Sampler):
    """Every point once, also in a space with conditional parameters (``custom_search_space``)."""

    name: str = "bruteforce"


@dataclass
class Pruner:
    """Arguments of an Optuna pruner. ``_target_`` may name another class by its dotted path."""

    name: str = MISSING
    _target_: str | None = None


@dataclass
class NoPruner(Pruner):
    """Every trial runs to its end."""

    name: str = "none"


@dataclass
class MedianPruner(Pruner):
    """Ends a trial that is worse than the median of the others at the same step."""

    name: str = "median"
    n_startup_trials: int = 5
    n_warmup_steps: int = 0
    interval_steps: int = 1


@dataclass
class AshaPruner(Pruner):
    """Asynchronous successive halving (Li et al., 2018)."""

    name: str = "asha"
    min_resource: int = 1
    reduction_factor: int = 4
    min_early_stopping_rate: int = 0


@dataclass
class HyperbandPruner(Pruner):
    """Hyperband (Li et al., 2017): successive halving with several first rungs.

    ``max_resource`` is the largest number of steps. ``auto`` takes it from the longest finished
    trial.
    """

    name: str = "hyperband"
    min_resource: int = 1
    max_resource: Any = "auto"
    reduction_factor: int = 3


@dataclass
class PatientPruner(Pruner):
    """Ends a trial that has not improved for ``patience`` steps."""

    name: str = "patient"
    patience: int = 3
    min_delta: float = 0.0


@dataclass
class ThresholdPruner(Pruner):
    """Ends a trial that reports a value outside ``lower`` … ``upper``."""

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
    NsgaIISampler,
    NsgaIIISampler,
    BruteForceSampler,
)
PRUNERS = (NoPruner, MedianPruner, AshaPruner, HyperbandPruner, PatientPruner, ThresholdPruner)
