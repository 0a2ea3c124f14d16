"""``besom sync``: brings to MLflow what sweeps and trainings could not deliver."""

import os
from dataclasses import dataclass
from pathlib import Path

from besom.addresses import mask
from besom.errors import StoreError
from besom.tracking.address import own_address
from besom.tracking.record import connect
from besom.tracking.spool import Entry, opening, set_strangers_aside, spools


@dataclass(frozen=True)
class Synced:
    """Runs of which everything is in MLflow now, and runs whose logs have to stay."""

    delivered: int
    left: int


def sync(root: Path, uri: str | None) -> Synced:
    """Deliver all that dead processes have left in the spool of ``root``.

    What a sweep has not committed, since it was killed in between, stays for that sweep, and so
    does what is meant for another address. Processes that are alive deliver by themselves.

    Args:
        uri: MLflow's address, where the record is not below ``root``.

    Raises:
        StoreError: there is no record, or it cannot be reached.
    """
    folder = root / "spool"
    if not os.path.isdir(folder):  # Path.is_dir fails over a name too long
        raise StoreError(f"{root} holds no record; `besom sweep NAME` makes one")
    set_strangers_aside(folder)
    before = spools(folder)
    address = "own" if uri in (None, own_address(root)) else mask(uri)
    opened = [first for path in before if (first := opening(path))]
    here = [first for first in opened if first.body.get("store") == address]
    for experiment in sorted({_experiment(entry) for entry in here}):
        with connect(root, uri, experiment) as record:
            record.pending()
    left = len(spools(folder))
    return Synced(len(before) - left, left)


def _experiment(opened: Entry) -> str:
    name: str = opened.body.get("experiment", "besom")  # a Besom of before did not say
    return name
