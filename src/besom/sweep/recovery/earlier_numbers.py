"""Reads constrained metrics of trials that ended before the constraint was set."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from besom.common.errors import StoreError
from besom.search.study import Study
from besom.search.trial_row import EARLIER, MEASURED
from besom.sweep.plan import Plan
from besom.tracking import schema
from besom.tracking.reader import ReadRun, open_reader


def keep_earlier_numbers(plan: Plan, study: Study) -> None:
    """Keep with the study the constrained metrics that are in MLflow but not kept with a trial.

    The next start then need not ask MLflow, and ``besom status`` does not read it. If the record
    does not answer, nothing is kept; such trials cannot be the best until a later start.
    """
    lacking = {
        row.notes["run_id"]: row
        for row in study.rows()
        if row.state in ("complete", "pruned") and row.counts and "run_id" in row.notes
        if plan.constraints.missing(row.notes.get(MEASURED, {}))
    }
    if not lacking:
        return
    names = {metric: schema.valid_name(metric) for metric in plan.constraints.metrics}
    runs: Sequence[ReadRun] = ()
    with suppress(StoreError):
        reader = open_reader(Path(plan.options.root), plan.options.tracking_uri)
        runs = reader.study(study.name)
    kept = dict(study.recall(EARLIER) or {})
    for run in runs:
        found = {metric: run.metrics[name] for metric, name in names.items() if name in run.metrics}
        for row in (lacking[known_as] for known_as in run.names if known_as in lacking):
            number = str(row.number)
            kept |= {number: kept.get(number, {}) | found} if found else {}
    if kept != study.recall(EARLIER):
        study.remember(EARLIER, kept)
