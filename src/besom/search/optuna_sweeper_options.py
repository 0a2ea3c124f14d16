"""Reads the options of a sweep, including those written for hydra-optuna-sweeper."""

import re
from collections.abc import Mapping, Set
from dataclasses import fields, is_dataclass, replace
from typing import Any

from hydra.conf import HydraConf
from omegaconf import DictConfig, OmegaConf, flag_override

from besom.app.error_messages import unknown_key
from besom.app.hooks import as_typed
from besom.common.errors import ConfigError
from besom.common.stdout import say
from besom.search.algorithms.by_path import HYDRAS, ByPath
from besom.search.algorithms.options import (
    BruteForceSampler,
    CmaesSampler,
    GpSampler,
    GridSampler,
    NoPruner,
    NsgaIIISampler,
    NsgaIISampler,
    Pruner,
    QmcSampler,
    RandomSampler,
    Sampler,
    TpeSampler,
)
from besom.search.options import AUTO, MOST_FAILURES, SweepOptions
from besom.search.space.space import spell

NODE = "hydra.sweeper"
OF_HYDRA = {field.name for field in fields(HydraConf)}
OPTUNAS: dict[str, type[Sampler]] = {
    "TPESampler": TpeSampler,
    "MOTPESampler": TpeSampler,
    "RandomSampler": RandomSampler,
    "GridSampler": GridSampler,
    "CmaEsSampler": CmaesSampler,
    "QMCSampler": QmcSampler,
    "GPSampler": GpSampler,
    "NSGAIISampler": NsgaIISampler,
    "NSGAIIISampler": NsgaIIISampler,
    "BruteForceSampler": BruteForceSampler,
}
"""The options of Optuna's samplers, by the last part of a ``_target_``."""
HYDRAS_LAUNCHER = "hydra._internal.core_plugins.basic_launcher.BasicLauncher"
ELSEWHERE = re.compile(r"slurm|aws|rq|pbs|sge|lsf|kube|cloud", re.IGNORECASE)
"""Matches the names of launchers that send jobs to other machines."""


def read_options(master: DictConfig) -> SweepOptions:
    """Read the options in ``master``, and fill in what it leaves out there.

    Raises:
        ConfigError: an option does not exist or has no counterpart in Besom, or the launcher uses
            other machines.
        OmegaConfBaseException: a value has the wrong type or cannot be resolved.
    """
    with flag_override(master, ["readonly", "struct"], False):
        _complete(master.hydra)
    _refuse_unknown(master)
    _check_launcher(master.hydra)
    options = OmegaConf.to_object(master.hydra.sweeper)
    assert isinstance(options, SweepOptions)
    sampler = _sampler(options.sampler, _typed_keys(master, "sampler"))
    _check_sampler(sampler)
    return replace(
        options,
        study_name=str(options.study_name),
        sampler=sampler,
        pruner=_pruner(options.pruner, _typed_keys(master, "pruner")),
        storage=_storage(options.storage),
        params=_params(options),
        n_jobs=_n_jobs(options.n_jobs),
        max_failure_rate=_failure_rate(options.max_failure_rate),
    )


def _complete(hydra: DictConfig) -> None:
    """Fill in the options that are null, or absent from a user's file for the whole node."""
    if OmegaConf.get_type(hydra.sweeper) is not SweepOptions:
        hydra.sweeper = OmegaConf.merge(OmegaConf.structured(SweepOptions), hydra.sweeper)
    for name, default in (("sampler", TpeSampler), ("pruner", NoPruner)):
        if OmegaConf.is_missing(hydra.sweeper, name):
            hydra.sweeper[name] = default
    if hydra.sweeper.study_name is None:
        hydra.sweeper.study_name = hydra.job.name


def _refuse_unknown(master: DictConfig) -> None:
    """Refuse keys that ``+`` has added beyond the schema: nothing would read them."""
    for word in as_typed(master.hydra.overrides.hydra):
        key = word.lstrip("+").partition("=")[0]
        if word.startswith("+hydra.") and key.split(".")[1] not in OF_HYDRA:
            raise unknown_key(key, master)
    nodes: dict[str, Any] = {NODE: SweepOptions}
    for part in ("sampler", "pruner", "confirm", "resources", "stop"):
        kind = OmegaConf.get_type(master.hydra.sweeper, part)
        is_by_path = OmegaConf.select(master, f"{NODE}.{part}._target_") is not None
        nodes |= {f"{NODE}.{part}": kind} if is_dataclass(kind) and not is_by_path else {}
    for place, schema in nodes.items():
        known = {field.name for field in fields(schema)}
        if unknown := [key for key in OmegaConf.select(master, place) if key not in known]:
            raise unknown_key(f"{place}.{unknown[0]}", master)


def _check_launcher(hydra: DictConfig) -> None:
    """Say that ``hydra/launcher`` is not used, if it is not Hydra's default.

    Raises:
        ConfigError: the launcher would use other machines.
    """
    launcher = hydra.launcher
    target = str(OmegaConf.select(launcher, "_target_") or HYDRAS_LAUNCHER)
    if target == HYDRAS_LAUNCHER:
        return
    name = hydra.runtime.choices.get("hydra/launcher") or target.rpartition(".")[2]
    if ELSEWHERE.search(target.rpartition(".")[2]) or _cluster(launcher):
        raise ConfigError(
            f"hydra/launcher={name}: Besom's own workers run the trials, here, "
            "hydra.sweeper.n_jobs at a time, or on a Ray cluster;\n"
            "take hydra/launcher=basic, and hydra.sweeper.pool=ray for several machines"
        )
    n_jobs = OmegaConf.select(launcher, "n_jobs", throw_on_missing=False)
    is_number = isinstance(n_jobs, int) and n_jobs > 0
    wanted = f"={n_jobs} does what its n_jobs would" if is_number else " says how many at a time"
    say(
        f"besom: hydra/launcher={name} is not used, since Besom's own workers run the trials; "
        f"hydra.sweeper.n_jobs{wanted}"
    )


def _cluster(launcher: DictConfig) -> Any:
    """Return the address of the cluster that Ray's launcher would use; None for a local one."""
    address = OmegaConf.select(launcher, "ray.init.address", throw_on_missing=False)
    return None if address == "local" else address


def _typed_keys(master: DictConfig, part: str) -> set[str]:
    """Return the keys of the sampler or pruner that are on the command line."""
    words = (word.lstrip("+") for word in as_typed(master.hydra.overrides.hydra))
    keys = (word.partition("=")[0] for word in words)
    start = f"{NODE}.{part}."
    return {key.removeprefix(start).partition(".")[0] for key in keys if key.startswith(start)}


def _sampler(given: Any, typed: Set[str]) -> Any:
    """Return the sampler's options, or a :class:`ByPath` for a ``_target_`` that has none here, or
    for a keyword that is none of these options."""
    values = _said(given, typed)
    if not (target := values.get("_target_")):
        return given
    wanted = OPTUNAS.get(str(target).rpartition(".")[2])
    if wanted is None or not str(target).startswith("optuna."):
        return _by_path("sampler", values)
    known = {field.name for field in fields(wanted)} - {"name", "_target_"}
    if values.keys() - known - {*HYDRAS, "_partial_"}:
        return _by_path("sampler", values)
    return wanted(**{key: value for key, value in values.items() if key in known})


def _pruner(given: Any, typed: Set[str]) -> Any:
    """Return the pruner's options, or a :class:`ByPath` for its ``_target_``."""
    values = _said(given, typed)
    target = str(values.get("_target_") or "")
    if target.startswith("optuna.") and target.endswith(".NopPruner"):
        return NoPruner()
    return _by_path("pruner", values) if target else given


def _said(given: Any, typed: Set[str]) -> dict[str, Any]:
    """Return the given options of a sampler or pruner.

    A dataclass has the defaults of the sampler that was chosen by name too. They are left out
    unless they are among ``typed``: whether a file gives the same value cannot be told.
    """
    if isinstance(given, Mapping):
        return {str(key): value for key, value in given.items()}
    if not isinstance(given, Sampler | Pruner):
        return {}
    default = vars(type(given)())
    return {
        key: value
        for key, value in vars(given).items()
        if key in typed or key not in default or value != default[key]
    }


def _by_path(part: str, description: Mapping[str, Any]) -> ByPath:
    """Return a sampler or pruner named by dotted path, after a check of its class and arguments.

    Raises:
        ConfigError: there is no such class, or it does not take one of the arguments.
    """
    found = ByPath(f"{NODE}.{part}", description)
    found.check()
    return found


def _check_sampler(sampler: Any) -> None:
    """Refuse the sampler options that Besom does not take, and warn of one without effect."""
    instead = {
        "constraints_func": "say in hydra.sweeper.constraints what is allowed, and leave it out",
        "source_trials": "leave it out, or null",
    }
    for name, remedy in instead.items():
        if (given := getattr(sampler, name, None)) is not None:
            raise ConfigError(f"{NODE}.sampler.{name}={given}: is not taken; {remedy}")
    if strategy := getattr(sampler, "restart_strategy", None):
        say(f"besom: {NODE}.sampler.restart_strategy={strategy} has no effect since Optuna 4.4")


def _storage(given: Any) -> str | None:
    """Return the address of the storage; it may be the ``url`` of an Optuna ``RDBStorage``."""
    if isinstance(given, Mapping) and "url" in given:
        return str(given["url"])
    if isinstance(given, Mapping):
        raise ConfigError(
            f"{NODE}.storage._target_={given.get('_target_')}: Besom keeps studies in SQLite and "
            "PostgreSQL; give an address such as sqlite:///optuna.db, or null"
        )
    return None if given is None else str(given)


def _n_jobs(given: Any) -> int | str:
    try:
        return AUTO if given == AUTO else int(str(given))
    except ValueError:
        raise ConfigError(f"{NODE}.n_jobs={given}: must be a whole number, or auto.") from None


def _failure_rate(given: Any) -> float:
    try:
        return MOST_FAILURES if given is None else float(given)
    except (TypeError, ValueError):
        raise ConfigError(f"{NODE}.max_failure_rate={given}: must be from 0 to 1.") from None


def _params(options: SweepOptions) -> dict[str, Any]:
    """Return the search space: ``params``, or else the older form ``search_space``."""
    if options.params and options.search_space:
        say(f"besom: {NODE}.search_space is not read, since params is given")
    if options.params or not options.search_space:
        return options.params or {}
    return {key: _expression(key, given) for key, given in options.search_space.items()}


def _expression(key: str, given: Any) -> str:
    """Write ``{type: float, low: 1, high: 9, log: true}`` as ``tag(log,interval(1.0,9.0))``."""
    try:
        kind = str(getattr(given["type"], "name", given["type"]))
        if kind == "categorical":
            return f"choice({','.join(map(spell, given['choices']))})"
        number = {"int": int, "float": float}[kind]
        low, high = number(given["low"]), number(given["high"])
        step = None if given.get("step") is None else number(given["step"])
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(
            f"{NODE}.search_space.{key}={given}: give type (int, float or categorical) with low "
            "and high, or choices;\nbetter in params, as `x: interval(0,1)` or `y: choice(a,b)`"
        ) from error
    if step is not None and given.get("log"):
        raise ConfigError(
            f"{NODE}.search_space.{key}={given}: a log scale has no steps; leave step or log out"
        )
    if step is not None:
        # hydra-optuna-sweeper includes the end of a range, and Hydra does not.
        beyond = high + 1 if kind == "int" else high + step / 2
        return f"range({low},{beyond},step={step})"
    between = f"interval({low},{high})"
    whole = f"int({between})" if kind == "int" else between
    return f"tag(log,{whole})" if given.get("log") else whole
