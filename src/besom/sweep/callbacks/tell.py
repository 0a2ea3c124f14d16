"""Makes the rows for callbacks from the study's trials and the workers' reports."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from besom.common.addresses import mask
from besom.search.study import Study
from besom.search.trial_row import TrialRow
from besom.sweep.callbacks.rows import (
    StudyEnded,
    StudyStarted,
    TrialEnded,
    TrialReported,
    TrialStarted,
)
from besom.tracking.schema import RunStatus

if TYPE_CHECKING:
    from besom.sweep.jobs import Sweep

STATUSES = {RunStatus.FINISHED: "finished", RunStatus.KILLED: "interrupted"}
"""How a sweep ended; any other status is a failure."""


def attempt_at(study: str, row: TrialRow, of: TrialRow, worker: int | None) -> TrialStarted:
    """Return the row of an attempt that begins.

    Args:
        of: the trial whose configuration it has: itself, or the one that it confirms.
    """
    notes = row.notes
    return TrialStarted(
        study=study,
        number=of.number,
        role=row.role,
        params=dict(of.shown),
        run_id=notes["run_id"],
        attempt=notes["attempt"],
        worker=worker,
        seed=notes.get("seed"),
    )


def report_of(
    started: TrialStarted, step: int, metrics: Mapping[str, float], value: float | None
) -> TrialReported:
    """Return the row of an attempt's report."""
    return TrialReported(
        study=started.study,
        number=started.number,
        role=started.role,
        run_id=started.run_id,
        step=step,
        metrics=dict(metrics),
        value=value,
        seed=started.seed,
    )


def end_of(
    started: TrialStarted, row: TrialRow, names: Sequence[str], metrics: Mapping[str, float]
) -> TrialEnded:
    """Return the row of an ended trial whose last attempt this process has begun.

    Args:
        row: the trial as it is now that it has ended.
        names: of its values.
        metrics: its last ones.
    """
    ended = _ended(started.study, row, names)
    own = replace(ended, number=started.number, params=started.params, role=started.role)
    return replace(own, metrics=dict(metrics), seed=started.seed)


def start_of(sweep: "Sweep") -> StudyStarted:
    """Return the row of a sweep's start, before a trial of this process has begun."""
    study, options = sweep.study, sweep.plan.options
    return StudyStarted(
        study=study.name,
        run_id=sweep.parent_run,
        root=options.root,
        objectives=study.objective_names,
        directions=study.directions,
        n_trials=options.n_trials,
        n_jobs=sweep.plan.n_jobs,
        resumed=tuple(
            _ended(study.name, row, study.objective_names)
            for row in study.rows()
            if row.state != "running"
        ),
    )


def end_of_study(
    sweep: "Sweep", status: RunStatus, verdict: str, error: BaseException | None
) -> StudyEnded:
    """Return the row of a sweep's end, once no trial of it runs any more.

    Args:
        status: of the sweep's own run.
        error: what ended the sweep, if it failed.
    """
    study = sweep.study
    states = [row.state for row in study.rows()]
    n_ended = len(states) - states.count("running")
    is_over = bool(study.exhausted) or sweep.plan.options.confirm.only
    return StudyEnded(
        study=study.name,
        status=STATUSES.get(status, "failed"),
        n_complete=states.count("complete"),
        n_pruned=states.count("pruned"),
        n_failed=states.count("failed"),
        n_left=0 if is_over else max(0, sweep.plan.options.n_trials - n_ended),
        best=_best(study),
        verdict=verdict,
        error="" if error is None else mask(str(error)) or type(error).__name__,
    )


def _best(study: Study) -> tuple[TrialEnded, ...]:
    return tuple(_ended(study.name, row, study.objective_names) for row in study.best())


def _ended(study: str, row: TrialRow, names: Sequence[str]) -> TrialEnded:
    notes = row.notes
    return TrialEnded(
        study=study,
        number=row.number,
        role=row.role,
        params=dict(row.shown),
        state=row.state,
        values=dict(zip(names, row.values, strict=False)) if row.state == "complete" else {},
        run_id=notes.get("run_id", ""),
        attempt=notes.get("attempt", 1),
        seconds=notes.get("seconds"),
        error=str(notes.get("error", "")).partition("\n")[0],
        duplicate_of=notes.get("reused"),
        infeasible=row.infeasible,
    )
