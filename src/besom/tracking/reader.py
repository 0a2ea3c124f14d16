"""Reads recorded runs, thousands at once.

MLflow's own search builds objects for a thousand runs in a second; its tables give ten thousand in
that time. So a database is asked by its tables, as MLflow's models describe them, and only a
server through its interface.
"""

import math
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Protocol

from besom.common.addresses import mask, scheme_of
from besom.common.errors import StoreError
from besom.tracking import schema
from besom.tracking.address import (
    SERVERS,
    check_address,
    own_address,
    patient,
    readable,
    sqlite_path,
)
from besom.tracking.client import import_mlflow, reason
from besom.tracking.runs import original_of

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from sqlalchemy import Select
    from sqlalchemy.engine import Row

AT_ONCE = 500
"""Values in one condition of a query; SQLite takes 999 at least."""


@dataclass(frozen=True)
class ReadRun:
    """A run as it was recorded. Parameters are text, as MLflow keeps them; times in seconds."""

    run_id: str
    name: str
    status: str
    started: float
    ended: float | None
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]

    @property
    def names(self) -> tuple[str, ...]:
        """Its id, and its key where it has one."""
        return (self.run_id, *([self.tags[schema.KEY]] if schema.KEY in self.tags else ()))


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
    if scheme_of(uri) in SERVERS:
        from besom.tracking.server_reader import ServerReader

        return ServerReader(uri)
    return DatabaseReader(uri)


class DatabaseReader:
    """Reads the tables of an MLflow database."""

    def __init__(self, uri: str) -> None:
        from sqlalchemy import create_engine

        self._uri = readable(uri)
        self._engine = create_engine(patient(self._uri))
        path = sqlite_path(uri)
        self.folder = path and path.parent

    def studies(self) -> list[str]:
        from mlflow.store.tracking.dbmodels.models import SqlTag
        from sqlalchemy import select

        query: Select[Any] = select(SqlTag.run_uuid).where(
            SqlTag.key == schema.ROLE, SqlTag.value == schema.Role.SWEEP
        )
        return names_of_studies(self.runs([row[0] for row in self._rows(query)]))

    def study(self, name: str) -> list[ReadRun]:
        from mlflow.store.tracking.dbmodels.models import SqlTag
        from sqlalchemy import select

        query: Select[Any] = select(SqlTag.run_uuid).where(
            SqlTag.key == schema.STUDY, SqlTag.value == name
        )
        return self.runs([row[0] for row in self._rows(query)])

    def runs(self, run_ids: Sequence[str]) -> list[ReadRun]:
        from mlflow.store.tracking.dbmodels.models import SqlLatestMetric, SqlParam, SqlRun, SqlTag

        params, metrics, tags = (defaultdict[str, dict[str, Any]](dict) for _ in range(3))
        for found, model in ((params, SqlParam), (tags, SqlTag)):
            for run_id, key, value in self._of(run_ids, model, "key", "value"):
                found[run_id][key] = value
        latest = self._of(run_ids, SqlLatestMetric, "key", "value", "is_nan")
        for run_id, key, value, is_nan in latest:
            metrics[run_id][key] = _number(value, is_nan)
        columns = ("name", "status", "start_time", "end_time", "lifecycle_stage")
        rows = self._of(run_ids, SqlRun, *columns)
        found_runs = [
            ReadRun(
                run_id,
                name or "",
                status,
                start / 1000,
                end / 1000 if end else None,
                params[run_id],
                metrics[run_id],
                tags[run_id],
            )
            for run_id, name, status, start, end, stage in rows
            if stage == "active"
        ]
        return sorted(found_runs, key=lambda run: run.started)

    def run_ids(self) -> list[str]:
        from mlflow.store.tracking.dbmodels.models import SqlRun
        from sqlalchemy import select

        query: Select[Any] = select(SqlRun.run_uuid).where(SqlRun.lifecycle_stage == "active")
        return [row[0] for row in self._rows(query)]

    def names(self, study: str) -> set[str]:
        from mlflow.store.tracking.dbmodels.models import SqlRun, SqlTag
        from sqlalchemy import select

        of_study: Select[Any] = (
            select(SqlTag.run_uuid)
            .join(SqlRun)
            .where(
                SqlTag.key == schema.STUDY,
                SqlTag.value == study,
                SqlRun.lifecycle_stage == "active",
            )
        )
        keys: Select[Any] = select(SqlTag.value).where(
            SqlTag.key == schema.KEY, SqlTag.run_uuid.in_(of_study)
        )
        return {row[0] for query in (of_study, keys) for row in self._rows(query)}

    def points(self, run_ids: Sequence[str]) -> list[Point]:
        from mlflow.store.tracking.dbmodels.models import SqlMetric

        rows = self._of(run_ids, SqlMetric, "key", "step", "value", "is_nan", "timestamp")
        return last_of_steps(
            Point(run_id, key, step, _number(value, is_nan), timestamp / 1000)
            for run_id, key, step, value, is_nan, timestamp in rows
        )

    def text(self, run_id: str, path: str) -> str | None:
        from mlflow import MlflowClient

        return text_of(MlflowClient(self._uri), self._uri, run_id, path)

    def _of(self, run_ids: Sequence[str], model: Any, *columns: str) -> Iterator[Any]:
        """The rows of one table that belong to these runs."""
        from sqlalchemy import select

        chosen = [getattr(model, column) for column in ("run_uuid", *columns)]
        for start in range(0, len(run_ids), AT_ONCE):
            some = run_ids[start : start + AT_ONCE]
            yield from self._rows(select(*chosen).where(model.run_uuid.in_(some)))

    def _rows(self, query: "Select[Any]") -> Sequence["Row[Any]"]:
        from sqlalchemy.exc import SQLAlchemyError

        try:
            with self._engine.connect() as connection:
                return connection.execute(query).all()
        except SQLAlchemyError as error:
            reason = mask(str(error.__cause__ or error)).splitlines()[0]
            address = mask(str(self._engine.url))
            raise StoreError(f"tracking.uri={address} cannot be read: {reason}") from error


def names_of_studies(sweeps: Iterable[ReadRun]) -> list[str]:
    """The studies of sweeps that come in the order in which they were begun."""
    started = {run.tags[schema.STUDY]: run.started for run in sweeps if schema.STUDY in run.tags}
    return sorted(started, key=lambda name: started[name])


def last_of_steps(points: Iterable[Point]) -> list[Point]:
    """By run, metric and step. What was said of a step last is what counts."""
    ordered = sorted(points, key=lambda point: point.at)
    last = {(point.run_id, point.metric, point.step): point for point in ordered}
    return [last[place] for place in sorted(last)]


def text_of(client: "MlflowClient", uri: str, run_id: str, path: str) -> str | None:
    """A text file among the artifacts of a run, or of the one that it repeats.

    Raises:
        StoreError: they cannot be had. Each kind of store has libraries, and errors, of its own.
    """
    try:
        if path not in {item.path for item in client.list_artifacts(run_id)}:
            original = original_of(client, run_id).info.run_id
            return None if original == run_id else text_of(client, uri, original, path)
        with TemporaryDirectory() as folder:
            return Path(client.download_artifacts(run_id, path, folder)).read_text(encoding="utf-8")
    except Exception as error:
        raise StoreError(
            f"tracking.uri={mask(uri)}: the files of run {run_id} cannot be read: {reason(error)}\n"
            "Make sure that its artifact store can be reached, then give the same command again."
        ) from error


def _number(value: float, is_nan: bool) -> float:
    """MLflow's databases keep NaN as 0 with a mark, and infinity as the largest number."""
    if is_nan:
        return math.nan
    return math.copysign(math.inf, value) if abs(value) >= 1.7976931348623157e308 else value
