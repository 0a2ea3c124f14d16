"""Options of samplers and pruners, a record for each, with every default.

No Optuna: Hydra imports this at the start of every application.
"""

from dataclasses import dataclass
from typing import Any

from omegaconf import MISSING


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
    n_startup_trials: int | None = None  # Optuna's own is 10
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
class NsgaIISampler(Sampler):
    """Genetic search for several objectives (Deb et al., 2002). Its other name is ``nsgaii``."""

    name: str = "nsga2"
    population_size: int | None = None
    mutation_prob: float | None = None
    crossover_prob: float | None = None
    swapping_prob: float | None = None
    constraints_func: Any = None


@dataclass
class NsgaIIISampler(Sampler):
    """The same with reference points (Deb and Jain, 2014): for more than three objectives."""

    name: str = "nsga3"
    population_size: int | None = None
    mutation_prob: float | None = None
    crossover_prob: float | None = None
    swapping_prob: float | None = None
    dividing_parameter: int | None = None
    constraints_func: Any = None


@dataclass
class BruteForceSampler(Sampler):
    """Every point once, also of a space that ``custom_search_space`` makes conditional."""

    name: str = "bruteforce"


@dataclass
class Pruner:
    """Arguments of Optuna's class. ``_target_`` names another, by its dotted path."""

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

    ``max_resource`` is the largest number of steps, or ``auto``: the longest finished trial's.
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
    NsgaIISampler,
    NsgaIIISampler,
    BruteForceSampler,
)
PRUNERS = (NoPruner, MedianPruner, AshaPruner, HyperbandPruner, PatientPruner, ThresholdPruner)
