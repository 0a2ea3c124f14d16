"""Implements ``besom sync``: delivers to MLflow what sweeps and trainings could not deliver."""

import os
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
    first_entry,
    run_logs,
    set_orphaned_logs_aside,
)
from besom.tracking.record import connect


@dataclass(frozen=True)
class Synced:
    """The numbers of runs that are wholly delivered, of runs whose logs have to stay, and of runs
    that MLflow refuses since it has no such run, or no longer."""

    delivered: int
    left: int
    refused: int


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
    refused = sum(path.suffix == REFUSED for path in after)
    return Synced(len(before) - len(after), len(after) - refused, refused)


def _known(folder: Path) -> dict[Path, Entry]:
    """Return the logs with a readable first entry, and that entry."""
    paths = run_logs(folder, (SUFFIX, REFUSED))
    return {path: first for path in paths if (first := first_entry(path))}
