"""Reads constrained metrics of trials that ended before the constraint was set."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from besom.common.errors import StoreError
from besom.search.study import Study
from besom.search.trial_row import MEASURED
from besom.sweep.plan import Plan
from besom.tracking import schema
from besom.tracking.reader import ReadRun, open_reader


def numbers_in_record(plan: Plan, study: Study) -> dict[int, Mapping[str, float]]:
    """Return by trial the constrained metrics that are in MLflow but not noted with the trial.

    If the record does not answer, return nothing; such trials then cannot be the best.
    """
    lacking = {
        row.notes["run_id"]: row
        for row in study.rows()
        if row.state in ("complete", "pruned") and row.counts and "run_id" in row.notes
        if plan.constraints.missing(row.notes.get(MEASURED, {}))
    }
    if not lacking:
        return {}
    names = {metric: schema.valid_name(metric) for metric in plan.constraints.metrics}
    runs: Sequence[ReadRun] = ()
    with suppress(StoreError):
        reader = open_reader(Path(plan.options.root), plan.options.tracking_uri)
        runs = reader.study(study.name)
    return {
        lacking[known_as].number: {
            metric: run.metrics[name] for metric, name in names.items() if name in run.metrics
        }
        for run in runs
        for known_as in run.names
        if known_as in lacking
    }
