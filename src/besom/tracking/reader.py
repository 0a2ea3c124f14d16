"""What can be read of recorded runs, thousands at once; writes nothing."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from besom.common.addresses import scheme_of
from besom.common.errors import StoreError
from besom.tracking import schema
from besom.tracking.address import SERVERS, check_address, own_address, sqlite_path
from besom.tracking.client import import_mlflow


@dataclass(frozen=True)
class ReadRun:
    """A run as it was recorded. Parameters are text, as MLflow keeps them; times in seconds."""

    run_id: str
    name: str
    status: str
    """A :class:`besom.tracking.schema.RunStatus`."""
    started: float
    ended: float | None
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]

    @property
    def key(self) -> str:
        """Its name before MLflow had given it an id; several runs may have the same."""
        return self.tags.get(schema.KEY, "")

    @property
    def names(self) -> tuple[str, ...]:
        """Its id, and its key where it has one."""
        return (self.run_id, self.key) if self.key else (self.run_id,)


@dataclass(frozen=True)
class Point:
    """One value of a metric's history, and when it was reported: seconds since 1970."""

    run_id: str
    metric: str
    step: int
    value: float
    at: float


class Reader(Protocol):
    """What can be asked of a store."""

    @property
    def folder(self) -> Path | None:
        """Where its own file lies, if it has one."""
        ...

    @property
    def pages(self) -> str | None:
        """The address of the server that shows its runs, without a password; None without one."""
        ...

    def studies(self) -> list[str]:
        """The names of all studies, the one that was begun last at the end."""
        ...

    def study(self, name: str) -> list[ReadRun]:
        """All runs of a study, the oldest first."""
        ...

    def runs(self, run_ids: Sequence[str]) -> list[ReadRun]:
        """The runs with these ids that there are."""
        ...

    def run_ids(self) -> list[str]:
        """The ids of all runs."""
        ...

    def names(self, study: str) -> set[str]:
        """The ids and keys of all runs of a study: by one of the two a trial knows its run."""
        ...

    def points(self, run_ids: Sequence[str]) -> list[Point]:
        """The metrics of these runs, each by its steps."""
        ...

    def text(self, run_id: str, path: str) -> str | None:
        """A text file of a run, or None where it has none of that name."""
        ...


def open_reader(root: Path, uri: str | None) -> Reader:
    """A reader of the record below ``root``, or of the one at ``uri``. Writes nothing.

    Raises:
        StoreError: there is no record, or the address cannot be reached.
    """
    uri = uri or own_address(root)
    path = sqlite_path(uri)
    if path is not None and not os.path.exists(path):  # Path.exists fails over a name too long
        raise StoreError(f"{path.parent} holds no record; `besom sweep NAME` makes one")
    check_address(uri)
    import_mlflow()
    from besom.tracking.mlflow_readers import DatabaseReader, ServerReader

    return ServerReader(uri) if scheme_of(uri) in SERVERS else DatabaseReader(uri)
