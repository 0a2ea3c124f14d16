"""Finds the sweep of this root in a record: on a server, others may have begun one of its name."""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime

from besom.common.text import few
from besom.sweep.recovery.missing_runs import ExpectedRuns, expected
from besom.tracking import schema
from besom.tracking.reader import Reader, ReadRun

_logger = logging.getLogger(__name__)


def expected_runs(reader: Reader, study: str) -> Mapping[str, ExpectedRuns]:
    """Return what the study's databases expect of the record, by the id of the sweep's own run.

    These are ``optuna.db`` in the root, and the file beside the record.
    """
    folders = dict.fromkeys(each.absolute() for each in (reader.root, reader.folder) if each)
    found = (expected(folder / "optuna.db", study) for folder in folders)
    return {there.sweep: there for there in found if there}


def choose_sweep(
    reader: Reader, study: str, runs: Sequence[ReadRun], known: Mapping[str, ExpectedRuns]
) -> ReadRun | None:
    """Return the parent run of the study's sweep; None where the record has none.

    Where there are several, it is that of this root. If none is, it is the latest, and a warning
    names all: an earlier study of this name may have had a database that is gone.

    Args:
        runs: the runs of all sweeps of that name, oldest first.
        known: see :func:`expected_runs`.
    """
    parents = [run for run in runs if run.tags.get(schema.ROLE) == schema.Role.SWEEP]
    by_id = {run.run_id: run for run in parents}
    own = [by_id[run_id] for run_id in known if run_id in by_id]
    sweeps = {run.tags.get(schema.SWEEP, run.run_id): run for run in parents}
    if not own and len(sweeps) > 1:
        begun = few(how_begun(run, runs) for run in reversed(sweeps.values()))
        _logger.warning(
            "the record has %d sweeps of study %s, and none of them is of %s; this is the latest: "
            "%s",
            *(len(sweeps), study, reader.root / "optuna.db", begun),
        )
    return next(iter([*own, *reversed(parents)]), None)


def how_begun(parent: ReadRun, runs: Sequence[ReadRun]) -> str:
    """Return when and where a sweep was begun: ``2026-11-02 10:12 on node-7``."""
    own = (run.tags for run in runs if run.tags.get(schema.PARENT) == parent.run_id)
    host = next((tags[schema.HOST] for tags in own if schema.HOST in tags), "another machine")
    return f"{datetime.fromtimestamp(parent.started):%Y-%m-%d %H:%M} on {host}"
