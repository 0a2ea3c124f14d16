"""Implements ``besom sync``: delivers to MLflow what sweeps and trainings could not deliver."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from besom.common.addresses import mask
from besom.common.errors import StoreError
from besom.tracking.address import own_address
from besom.tracking.outbox.entries import Entry
from besom.tracking.outbox.log import (
    FOLDER,
    REFUSED,
    SUFFIX,
    RunLog,
    first_entry,
    run_logs,
    set_orphaned_logs_aside,
)
from besom.tracking.record import connect


@dataclass(frozen=True)
class Synced:
    """How many runs were wholly delivered, and whose logs had to stay.

    Attributes:
        left: runs that wait for their sweep, or belong to another address.
        refused: runs that MLflow does not have, or no longer.
        running: runs of processes that live, which deliver them.
    """

    delivered: int = 0
    left: int = 0
    refused: int = 0
    running: int = 0

    def lines(self) -> list[str]:
        """Return a line for each number that is not 0."""
        told = {
            "delivered": self.delivered,
            "of an unfinished sweep or another address: repeat its command": self.left,
            "not in MLflow any more: restore what was deleted, then sync again": self.refused,
            "of processes that run: they deliver by themselves": self.running,
        }
        lines = [
            f"{number} {'run' if number == 1 else 'runs'} {what}"
            for what, number in told.items()
            if number
        ]
        return lines or ["nothing was waiting"]


def sync(root: Path, uri: str | None) -> Synced:
    """Deliver what dead processes have left in the outbox of ``root``.

    An outcome that a killed sweep has not committed stays for that sweep. Logs for another address
    stay too. Live processes deliver their own logs.

    Args:
        uri: MLflow's address, where the record is not below ``root``.

    Raises:
        StoreError: there is no record, or it cannot be reached; or an experiment has been deleted:
            this is raised after the delivery to all others.
    """
    folder = root / FOLDER
    if not os.path.isdir(folder):  # Path.is_dir fails over a name too long
        raise StoreError(f"{root} holds no record; `besom sweep NAME` makes one")
    set_orphaned_logs_aside(folder)
    before = _known(folder)
    theirs = _held(before)
    address = "own" if uri in (None, own_address(root)) else mask(uri)
    here = [first for first in before.values() if first.body.get("store") == address]
    refusals = []
    for experiment in sorted({entry.body["experiment"] for entry in here}):
        try:
            with connect(root, uri, experiment) as record:
                record.pending()
        except StoreError as refusal:
            refusals.append(refusal)
    if refusals:
        raise refusals[0]
    after = _known(folder)
    running = _held(after)
    refused = _ids(path for path in after if path.suffix == REFUSED) - running
    return Synced(
        delivered=len(_ids(before) - theirs - _ids(after)),
        left=len(_ids(after) - running - refused),
        refused=len(refused),
        running=len(running),
    )


def _known(folder: Path) -> dict[Path, Entry]:
    """Return the logs with a readable first entry, and that entry."""
    paths = run_logs(folder, (SUFFIX, REFUSED))
    return {path: first for path in paths if (first := first_entry(path))}


def _held(logs: Iterable[Path]) -> set[str]:
    """Return the runs of those logs whose processes live."""
    return _ids(path for path in logs if RunLog.is_held(path))


def _ids(logs: Iterable[Path]) -> set[str]:
    """Return the runs of logs; a log that MLflow refuses or takes after all changes its suffix."""
    return {path.stem for path in logs}
