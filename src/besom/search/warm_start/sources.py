"""Reads the studies that ``hydra.sweeper.warm_start`` names, without writing to their databases."""

import json
import math
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState

from besom.common.addresses import mask, reach
from besom.common.errors import ConfigError
from besom.common.sqlite import readable_file
from besom.common.suggest import did_you_mean, listed
from besom.common.text import unnamed
from besom.search.objective import Objective
from besom.search.storage.database import CONFIRMATIONS, UNREADABLE, file_of
from besom.search.storage.server import CONNECT_SECONDS
from besom.search.study import Study
from besom.search.trial_row import IMPORTED, MEASURED, RESOLVED, TrialRow, is_own, is_violated
from besom.search.warm_start.options import OPTION
from besom.search.warm_start.trials import SourceStudy, SourceTrial

CONFIGURATION = "configuration, "
"""The prefix of a fingerprint's facts that are values of the configuration."""


def read_source(written: str, study: str, storage: str, objective: Objective) -> SourceStudy:
    """Read one source study.

    Args:
        written: the name of a study in the same database, or ``ADDRESS#NAME``.
        study, storage: the study that is to learn from it, and its database.
        objective: the objective of that study.

    Raises:
        ConfigError: there is no such study, it is the study itself, it has another objective, or
            none of its trials has finished.
    """
    shown = mask(written)
    address, mark, name = written.rpartition("#") if "://" in written else (storage, "#", written)
    if not mark or not name:
        raise ConfigError(f"{OPTION}={shown}: name the study too, {mask(written)}#NAME.")
    if name == study and _place(address) == _place(storage):
        raise ConfigError(f"{OPTION}={shown}: it is this study itself; it knows its own trials.")
    with _opened(address, shown) as database:
        found = _load(database, name, shown)
        _check_objective(found, objective, shown)
        trials = [*_finished(found)]
        facts: Mapping[str, str] = Study(found).recall("fingerprint") or {}
        source = SourceStudy(shown, trials, _is_ours(found), _fixed(facts), facts)
    if not trials:
        raise ConfigError(f"{OPTION}={shown}: no trial of it has finished yet.")
    return source


def _place(address: str) -> str:
    file = file_of(address)
    return address if file is None else os.path.realpath(file)


@contextmanager
def _opened(address: str, shown: str) -> Iterator[RDBStorage]:
    """Open a database without creating or changing anything in it.

    Raises:
        ConfigError: the database cannot be opened or read.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)  # errors are reported below
    try:
        file = file_of(address)
        if file is not None and not file.exists():
            raise FileNotFoundError(f"there is no {file}")
        reach(address, CONNECT_SECONDS)
        options = {} if file is None else {"creator": lambda: _connect(file)}
        database = RDBStorage(address, engine_kwargs=options, skip_table_creation=True)
        try:
            yield database
        finally:
            database.engine.dispose()
    except UNREADABLE as error:
        reason = mask(str(error.__cause__ or error)).splitlines()[0].rstrip(".")
        remedy = "Name a study of this record, or DATABASE#STUDY, sqlite:///other.db#wide say."
        if "locked" in reason:
            remedy = "End the program that keeps it locked."
        raise ConfigError(f"{OPTION}={shown} cannot be read: {reason}.\n{remedy}") from error
    finally:
        optuna.logging.set_verbosity(optuna.logging.WARNING)


def _connect(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{readable_file(file.absolute()).as_uri()}?mode=ro", uri=True)


def _load(database: RDBStorage, name: str, shown: str) -> optuna.Study:
    try:
        return optuna.load_study(study_name=name, storage=database)
    except KeyError:
        known = optuna.get_all_study_names(database)
        studies = [one for one in known if not one.endswith(CONFIRMATIONS)]
        hint = did_you_mean(name, studies, f"there are {listed(studies)}")
        raise ConfigError(f"{OPTION}={shown}: there is no such study; {hint}") from None


def _check_objective(found: optuna.Study, objective: Objective, shown: str) -> None:
    study = Study(found)
    names = study.objective_names if _is_ours(found) else tuple(found.metric_names or ())
    names = () if names == unnamed(len(study.directions)) else names
    if study.directions == objective.directions and (
        not names or not objective.names or names == objective.names
    ):
        return
    theirs = ", ".join((*names, *study.directions))
    raise ConfigError(
        f"{OPTION}={shown}: its objective is {theirs}, not "
        f"{', '.join((*objective.names, *objective.directions))}; name a study of the same."
    )


def _is_ours(found: optuna.Study) -> bool:
    return Study(found).recall("fingerprint") is not None


def _fixed(facts: Mapping[str, str]) -> Mapping[str, Any]:
    """Return the fixed values of the configuration that a fingerprint has.

    One written as ``${oc.env:LR}`` is left out: that text is not the value that trials had.
    """
    return {
        key.removeprefix(CONFIGURATION): json.loads(value)
        for key, value in facts.items()
        if key.startswith(CONFIGURATION) and "${" not in value
    }


def _resolved(row: TrialRow) -> Mapping[str, Any]:
    """Return the values that resolvers returned for a trial, without text, kept only as digests."""
    noted = row.notes.get(RESOLVED, {})
    return {key: value for key, value in noted.items() if not isinstance(value, str)}


def _finished(found: optuna.Study) -> Iterator[SourceTrial]:
    """Yield a study's own trials that have a value; a reused configuration only once."""
    is_ours = _is_ours(found)
    for trial in found.get_trials(deepcopy=False):
        foreign = IMPORTED in trial.user_attrs or (is_ours and not is_own(trial))
        if foreign or "besom.reused" in trial.user_attrs:
            continue
        row = TrialRow.of(trial, counts=True)
        values, last_report = row.values, _last_report(trial)
        is_complete = trial.state is TrialState.COMPLETE and all(map(math.isfinite, values))
        is_infeasible = not is_ours and is_violated(trial)
        known = row.code, row.notes.get(MEASURED, {}), _resolved(row), is_infeasible
        if is_complete:
            yield SourceTrial(trial.number, row.shown, values, None, *known)
        elif trial.state is TrialState.PRUNED and last_report is not None:
            yield SourceTrial(trial.number, row.shown, (), last_report, *known)


def _last_report(trial: FrozenTrial) -> tuple[int, float] | None:
    reports = trial.intermediate_values
    step = max(reports, default=None)
    return None if step is None or not math.isfinite(reports[step]) else (step, reports[step])
