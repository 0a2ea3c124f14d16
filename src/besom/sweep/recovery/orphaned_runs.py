"""Runs of a sweep that are open although none of its jobs is under way.

Their logs are lost, or ``mlflow.db`` was replaced by an older copy; or a server has made a run
whose answer never came, and then another. What the study knows of their jobs is written into them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

from besom.common.states import State
from besom.common.text import unnamed
from besom.search.study import Study
from besom.search.trial_row import TrialRow
from besom.sweep.confirmation.store import Confirmation, recall_all
from besom.sweep.jobs import RUN_STATUS
from besom.tracking import Record, schema
from besom.tracking.runs import RunInfo

MISSING = "its log is lost: only what the study knows of it is here, no other numbers and no files"

_STATUS = {state.value: status for state, status in RUN_STATUS.items()}


@dataclass(frozen=True)
class _Known:
    """What the study knows of a job that has ended.

    Attributes:
        values: by metric; None where it has none of that metric.
        reports: by step.
    """

    state: str
    values: Mapping[str, float | None]
    notes: Mapping[str, Any]
    params: Mapping[str, Any] = field(default_factory=dict)
    reports: Mapping[int, float] = field(default_factory=dict)


def close_orphaned_runs(study: Study, record: Record, parent_run: str) -> None:
    """Close them: with what the study knows where their jobs have ended, as lost elsewhere.

    Raises:
        StoreError: the store does not answer.
    """
    orphaned = record.runs({schema.PARENT: parent_run}, status=schema.RunStatus.RUNNING)
    ended = _ended(study) if orphaned else {}
    for run in orphaned:
        known_as = run.run_id
        if run.key in ended and record.mlflow_id(run.key) == run.run_id:
            known_as = run.key  # it was late, and the study knows it by that
        if known := ended.get(known_as):
            _close(record, run, known)
        else:
            record.kill(run.run_id, {schema.STATE: State.LOST})


def _ended(study: Study) -> dict[str, _Known]:
    """By run."""
    names = tuple(map(schema.valid_name, study.objective_names))
    rows = [row for row in study.rows() if row.state in _STATUS and "run_id" in row.notes]
    trials = {row.notes["run_id"]: _trial(study, row, names) for row in rows}
    confirmations = [one for one in recall_all(study) if one.state in _STATUS]
    return trials | {one.run_id: _confirmation(one) for one in confirmations}


def _trial(study: Study, row: TrialRow, names: tuple[str, ...]) -> _Known:
    values = row.values if row.state == "complete" else ()
    by_name = dict(zip_longest(names, values[: len(names)]))
    return _Known(row.state, by_name, row.notes, row.params, study.reports(row.number))


def _confirmation(one: Confirmation) -> _Known:
    values = {schema.valid_name(name): value for name, value in one.values.items()}
    return _Known(one.state, values, {"error": one.error} if one.error else {})


def _close(record: Record, run: RunInfo, known: _Known) -> None:
    """Write what the run lacks of it, say that there was more, and close the run."""
    params = {schema.valid_name(key): value for key, value in known.params.items()}
    record.params(run.run_id, {k: value for k, value in params.items() if k not in run.params})
    reported = _reported(run, known)
    for name in {**known.values, reported: None}:
        reports = known.reports if name == reported else {}
        _write(record, run, name, reports, known.values.get(name))
    tags = {schema.STATE: known.state, schema.MISSING: MISSING}
    if "error" in known.notes:
        tags[schema.ERROR] = known.notes["error"]
    seconds = known.notes.get("seconds")
    ended = None if seconds is None else run.started + round(1000 * seconds)
    record.finish(run.run_id, _STATUS[known.state], tags, {}, ended)
    record.confirm(run.run_id)


def _reported(run: RunInfo, known: _Known) -> str:
    """The metric that the study has reports of: of an objective without a name, the only one."""
    (name, *_) = known.values or unnamed(1)
    others = [metric for metric in run.metrics if metric != name]
    return others[0] if name in unnamed(1) and len(others) == 1 else name


def _write(
    record: Record, run: RunInfo, name: str, reports: Mapping[int, float], value: float | None
) -> None:
    """A metric's steps that the run does not have, and at its last step what came of it."""
    there = record.steps(run.run_id, name) if name in run.metrics else []
    for step in sorted(reports.keys() - set(there)):
        record.metrics(run.run_id, step, {name: reports[step]})
    last = max([*there, *reports], default=0)
    shown = reports.get(last, run.metrics.get(name))
    if value is not None and value != shown:
        record.metrics(run.run_id, last, {name: value})
