"""Close every gap that an earlier supervisor's death has left between study and record.

A trial's life is committed in this order: asked (trial running) → run created → run's id on the
trial → trained → run's last words on disk → told (trial ended) → run closed. A death between any
two of these leaves a state that can be told apart afterwards:

=========================  ======================  =============================================
trial                      run                     what is done
=========================  ======================  =============================================
running                    none, or lost           the run is closed as killed; tried again
running                    last words on disk      told from these, then closed
ended                      not closed              closed
=========================  ======================  =============================================

A confirmation lives the same way; what is told of it is kept with the study (confirmation.py).
"""

from collections.abc import Mapping
from typing import Any

from besom.common.states import State
from besom.search.study import Study
from besom.search.trial_row import TrialRow
from besom.sweep.confirmation.store import Confirmation, recall, remember
from besom.sweep.recovery.orphaned_runs import close_orphaned_runs
from besom.tracking import Pending, Record, schema


def reconcile(study: Study, record: Record, parent_run: str) -> list[TrialRow]:
    """Bring study and record into agreement; returns the trials to be tried again.

    Args:
        parent_run: the sweep's own run, which goes on, and by which its attempts are known:
            another sweep of the same name may share the tracking server.
    """
    rows = {row.number: row for row in study.rows()}
    for pending in record.pending({schema.PARENT: parent_run}):
        if _settle(study, rows, pending):
            record.confirm(pending.run_id)
        else:
            record.kill(pending.run_id, {schema.STATE: State.LOST})
    close_orphaned_runs(study, record, parent_run)
    record.flush()
    return [row for row in study.rows() if row.state == "running"]


def close_former(study: Study, record: Record) -> None:
    """Close what was begun for an objective that the study has no more.

    Raises:
        StoreError: the store does not answer.
    """
    if (former := study.recall("former_run_id")) is None:
        return
    for pending in record.pending({schema.PARENT: former}):
        record.kill(pending.run_id, {schema.STATE: State.LOST})
    close_orphaned_runs(study, record, former)
    record.kill(former, {schema.STATE: State.LOST})
    study.remember("former_run_id", None)


def _settle(study: Study, rows: Mapping[int, TrialRow], pending: Pending) -> bool:
    """Commit what a run's last words say; False where they are missing, or not this study's."""
    outcome = pending.outcome
    if not outcome:
        return False
    if "confirmation" in outcome:
        return _settle_confirmation(study, pending.run_id, Confirmation(**outcome["confirmation"]))
    row = rows.get(int(outcome["trial"]))
    if row is None or row.notes.get("run_id") != pending.run_id:
        return False
    if row.state == "running":
        _tell(study, outcome)
    return True


def _settle_confirmation(study: Study, run_id: str, ended: Confirmation) -> bool:
    known = recall(study, ended.trial, ended.seed)
    if known is None or known.run_id != run_id:
        return False
    remember(study, ended)
    return True


def _tell(study: Study, outcome: Mapping[str, Any]) -> None:
    """End a trial as the supervisor that died was about to, with all that it knew of it."""
    study.tell(
        int(outcome["trial"]),
        State(outcome["state"]),
        outcome["values"],
        outcome["notes"],
        dict(outcome["reports"]),
    )
