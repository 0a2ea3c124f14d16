"""Finds ended trials whose runs are missing in MLflow.

The runs were deleted, or ``mlflow.db`` was replaced by an older copy. A sweep takes the trials from
its study; readers of a record take them from Optuna's database beside it.
"""

import json
import sqlite3
from collections.abc import Callable, Collection, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from besom.common.errors import StoreError
from besom.common.sqlite import readable_file

MOST_SHOWN = 10

_RUNS = """
    SELECT trials.number, attributes.value_json
    FROM trials JOIN studies USING (study_id)
    JOIN trial_user_attributes AS attributes USING (trial_id)
    WHERE studies.study_name = ? AND attributes.key = 'besom.run_id'
    AND trials.state IN ('COMPLETE', 'PRUNED', 'FAIL') ORDER BY trials.number
"""
_SWEEP = """
    SELECT attributes.value_json
    FROM studies JOIN study_user_attributes AS attributes USING (study_id)
    WHERE studies.study_name = ? AND attributes.key = 'besom.run_id'
"""


@dataclass(frozen=True)
class ExpectedRuns:
    """The sweep's own run, and the runs of its ended trials by number."""

    sweep: str
    trials: Mapping[int, str]


def expected(database: Path, study: str) -> ExpectedRuns | None:
    """Return the runs that a study should have; None if the file lacks it or cannot be read."""
    try:
        address = f"{readable_file(database.absolute()).as_uri()}?mode=ro"
        with closing(sqlite3.connect(address, uri=True)) as connection:
            sweep = connection.execute(_SWEEP, [study]).fetchone()
            rows = connection.execute(_RUNS, [study]).fetchall()
    except (StoreError, sqlite3.Error):
        return None
    if sweep is None:
        return None
    return ExpectedRuns(json.loads(sweep[0]), {number: json.loads(kept) for number, kept in rows})


def sentence(
    study: str,
    trials: Mapping[int, str] | Mapping[str, str],
    known: Collection[str],
    restore: Callable[[str], str],
    what: str = "trials",
) -> str:
    """Return which ended trials have no run, and what can be done; empty if all have one.

    Args:
        trials: the runs of the study's ended trials by number, each by its id or its key.
        what: what the trials are called.
        known: the ids and keys of the runs that exist.
        restore: makes a whole command line from an MLflow command.
    """
    gone = {str(number): run for number, run in trials.items() if run not in known}
    if not gone:
        return ""
    missing = list(gone)
    which = ", ".join(missing[:MOST_SHOWN]) + (", …" if missing[MOST_SHOWN:] else "")
    command = restore(f"runs restore --run-id {gone[missing[0]]}")
    others = ", and the others likewise" if missing[1:] else ""
    return (
        f"MLflow has no run of {len(missing)} ended {what} of {study} ({which}): they were "
        f"deleted, or mlflow.db is an older copy; restore it (`{command}`{others}), or that file"
    )
