"""Makes study and record agree again after an earlier supervisor was killed.

A trial is committed in this order: asked (trial running) → run created → run's id on the trial →
trained → run's end on disk → told (trial ended) → run closed. If the supervisor dies in between,
the next start can tell from trial and run what is left to do:

=========================  ======================  =============================================
trial                      run                     what is done
=========================  ======================  =============================================
running                    none, or lost           the run is closed as killed; tried again
running                    end on disk             told from this, then closed
ended                      not closed              closed
=========================  ======================  =============================================

Confirmations are trials too, of a second study.

Finally, orphaned runs are closed: those that are open although their trial is not running. Their
logs are lost, or ``mlflow.db`` was replaced by an older copy, or a server created a run, its answer
was lost, and it was asked again. What the study knows of their trials is written into them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from besom.common.states import State
from besom.common.text import unnamed
from besom.search.study import Study
from besom.search.trial_row import MEASURED, TrialRow
from besom.tracking import Record, schema
from besom.tracking.reader import ReadRun
from besom.tracking.schema import Role

MISSING = "its log is lost: only what the study knows of it is here, no other numbers and no files"

_STATUS = {state.value: status for state, status in schema.RUN_STATUS.items()}


def recover(studies: Sequence[Study], record: Record, parent_run: str) -> list[TrialRow]:
    """Make studies and record agree; return the trials of the first study to be tried again.

    Args:
        studies: the sweep's study, and that of its confirmations.
        parent_run: the sweep's own run, which goes on. It identifies the sweep's attempts, because
            another sweep of the same name may share the tracking server.
    """
    begun = {
        row.notes["run_id"]: (study, row)
        for study in studies
        for row in study.rows()
        if "run_id" in row.notes
    }
    for pending in record.pending({schema.PARENT: parent_run}):
        if pending.outcome and pending.run_id in begun:
            study, row = begun[pending.run_id]
            if row.state == "running":
                _tell(study, row.number, pending.outcome)
            record.end_run(pending.run_id)
        else:
            record.kill(pending.run_id, {schema.STATE: State.LOST}, pending.last_at)
    close_orphaned_runs(studies, record, parent_run)
    record.flush()
    return [row for row in studies[0].rows() if row.state == "running"]


def _tell(study: Study, number: int, outcome: Mapping[str, Any]) -> None:
    """End a trial as the dead supervisor was about to, with everything that it knew of it."""
    study.tell(
        number,
        State(outcome["state"]),
        outcome["values"],
        outcome["notes"],
        dict(outcome["reports"]),
    )


def close_former(study: Study, record: Record) -> None:
    """Close the runs that were begun for an objective that the study no longer has.

    Raises:
        StoreError: the store does not answer.
    """
    if (former := study.recall("former_run_id")) is None:
        return
    for pending in record.pending({schema.PARENT: former}):
        record.kill(pending.run_id, {schema.STATE: State.LOST}, pending.last_at)
    close_orphaned_runs([study], record, former)
    record.kill(former, {schema.STATE: State.LOST})
    study.remember("former_run_id", None)


def take_earlier_confirmations(study: Study, confirmations: Study) -> None:
    """Add trials for complete confirmations, which an older Besom kept with the study itself."""
    taken = {row.notes.get("run_id") for row in confirmations.rows()}
    for kept in study.recall_all("confirmation."):
        if kept["state"] == "complete" and kept.get("values") and kept["run_id"] not in taken:
            same = ("seed", "setting", "attempt", "run_id", "code", "values")
            notes = {"role": Role.CONFIRMATION, "confirms": kept["trial"]}
            notes |= {name: kept.get(name, "") for name in same}
            # One without the judged number may have another number that is judged later.
            judged = [kept["value"]] if kept["value"] is not None else []
            confirmations.add(notes, State.COMPLETE if judged else State.FAILED, judged)


@dataclass(frozen=True)
class _Known:
    """What a study knows of an ended trial.

    Attributes:
        values: by metric; None if the trial has no value of that metric.
        reports: by step.
    """

    row: TrialRow
    values: Mapping[str, float | None]
    reports: Mapping[int, float]


def close_orphaned_runs(studies: Sequence[Study], record: Record, parent_run: str) -> None:
    """Close orphaned runs: with what the studies know of an ended trial, otherwise as lost.

    Raises:
        StoreError: the store does not answer.
    """
    orphaned = record.runs({schema.PARENT: parent_run}, status=schema.RunStatus.RUNNING)
    ended = _ended(studies) if orphaned else {}
    for run in orphaned:
        known_as = run.run_id
        if run.key in ended and record.mlflow_id(run.key) == run.run_id:
            known_as = run.key  # created late; the study knows it by its key
        if known := ended.get(known_as):
            _close(record, run, known)
        else:
            record.kill(run.run_id, {schema.STATE: State.LOST}, _last_reported(record, run))


def _last_reported(record: Record, run: ReadRun) -> int:
    """Return when the run last reported a metric (ms since 1970); its start if it has none."""
    times = (at for name in run.metrics for at in record.reported(run.run_id, name).values())
    return max(times, default=round(1000 * run.started))


def _ended(studies: Sequence[Study]) -> dict[str, _Known]:
    """Return the ended trials, by run."""
    ended = {}
    for study in studies:
        names = tuple(map(schema.valid_name, study.objective_names))
        for row in study.rows():
            if row.state in _STATUS and "run_id" in row.notes:
                values, reports = _values(row, names), study.reports(row.number)
                ended[row.notes["run_id"]] = _Known(row, values, reports)
    return ended


def _values(row: TrialRow, objectives: Sequence[str]) -> dict[str, float | None]:
    """Return the objectives and constrained metrics of a trial, or a confirmation's numbers."""
    if row.role == Role.CONFIRMATION:
        return {
            schema.valid_name(name): value for name, value in row.notes.get("values", {}).items()
        }
    values = row.values[: len(objectives)] if row.state == "complete" else ()
    found = dict(zip_longest(objectives, values))
    for name, value in row.notes.get(MEASURED, {}).items():
        found.setdefault(schema.valid_name(name), value)
    return found


def _close(record: Record, run: ReadRun, known: _Known) -> None:
    """Write what the run lacks of its trial, mark that more is missing, and close the run."""
    row = known.row
    params = {schema.valid_name(key): value for key, value in row.params.items()}
    record.params(run.run_id, {k: value for k, value in params.items() if k not in run.params})
    reported = _reported(run, known)
    for name in {**known.values, reported: None}:
        reports = known.reports if name == reported else {}
        _write(record, run, name, reports, known.values.get(name))
    tags = {schema.STATE: row.state, schema.MISSING: MISSING}
    if "error" in row.notes:
        tags[schema.ERROR] = row.notes["error"]
    seconds = row.notes.get("seconds")
    ended = None if seconds is None else round(1000 * (run.started + seconds))
    record.prepare_end(run.run_id, _STATUS[row.state], tags, {}, ended)
    record.end_run(run.run_id)


def _reported(run: ReadRun, known: _Known) -> str:
    """Return the reported metric: for an objective without a name, the run's only other one."""
    (name, *_) = known.values or unnamed(1)
    others = [metric for metric in run.metrics if metric != name]
    return others[0] if name in unnamed(1) and len(others) == 1 else name


def _write(
    record: Record, run: ReadRun, name: str, reports: Mapping[int, float], value: float | None
) -> None:
    """Write the steps of a metric that the run lacks, and the final value at its last step."""
    there = record.reported(run.run_id, name) if name in run.metrics else {}
    for step in sorted(reports.keys() - there.keys()):
        record.metrics(run.run_id, step, {name: reports[step]})
    last = max([*there, *reports], default=0)
    shown = reports.get(last, run.metrics.get(name))
    if value is not None and value != shown:
        record.metrics(run.run_id, last, {name: value})
