"""Prints a message about ended trials whose runs are missing in MLflow."""

from functools import partial
from pathlib import Path

from rich.console import Console

from besom.search.study import Study
from besom.sweep.confirmation.jobs import runs_of_ended
from besom.sweep.jobs import Sweep
from besom.sweep.recovery import missing_runs
from besom.tracking.address import own_address
from besom.tracking.reader import open_reader
from besom.tracking.runs import restoring


def runs_of_trials(study: Study) -> dict[int, str]:
    """Return the runs of the ended trials, by number."""
    ended = (row for row in study.rows() if row.state != "running" and "run_id" in row.notes)
    return {row.number: row.notes["run_id"] for row in ended}


def say_missing_runs(sweep: Sweep, console: Console) -> None:
    """Print a line about ended trials without a run in MLflow, and one about such confirmations."""
    study, options = sweep.study, sweep.plan.options
    trials = runs_of_trials(study)
    if not trials:
        return
    root, uri = Path(options.root), options.tracking_uri
    known = open_reader(root, uri).names(study.name)
    restore = partial(restoring, uri or own_address(root))
    confirmed = runs_of_ended(sweep.confirmations)
    for said in (
        missing_runs.sentence(study.name, trials, known, restore),
        missing_runs.sentence(study.name, confirmed, known, restore, "confirmations"),
    ):
        if said:
            console.print(said, markup=False, highlight=False, soft_wrap=True)
