"""Reads a record: from the tables of MLflow's database, or through the API of MLflow's server.

MLflow's own search reads a thousand runs in a second, its tables give ten thousand in that time. So
the API is used only for a server.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from weakref import finalize

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.store.tracking.dbmodels.models import (
    SqlLatestMetric,
    SqlMetric,
    SqlParam,
    SqlRun,
    SqlTag,
)
from sqlalchemy import Row, Select, create_engine, select
from sqlalchemy.exc import SQLAlchemyError

from besom.common.addresses import mask
from besom.common.errors import StoreError
from besom.common.terminal.commands import DEFAULT_ROOT
from besom.tracking import schema
from besom.tracking.address import pages_of, readable, sqlite_path, with_timeout
from besom.tracking.client import asking, reason
from besom.tracking.reader import Point, ReadRun
from besom.tracking.runs import ended, original_of, read_run, search_runs

AT_ONCE = 500
"""The most values in one condition of a query; SQLite takes at least 999."""
_OLDEST_FIRST = "attributes.start_time"


class DatabaseReader:
    """Reads the tables of an MLflow database."""

    pages = None

    def __init__(self, uri: str, root: Path = Path(DEFAULT_ROOT), flags: str = "") -> None:
        self.root = root
        self.flags = flags
        self._uri = readable(uri)
        self._engine = create_engine(with_timeout(self._uri))
        finalize(self, self._engine.dispose)  # else its connections stay open
        path = sqlite_path(uri)
        self.folder = path and path.parent

    def studies(self) -> list[str]:
        query: Select[Any] = select(SqlTag.run_uuid).where(
            SqlTag.key == schema.ROLE, SqlTag.value == schema.Role.SWEEP.value
        )
        return _names_of_studies(self.runs([row[0] for row in self._rows(query)]))

    def study(self, name: str) -> list[ReadRun]:
        query: Select[Any] = select(SqlTag.run_uuid).where(
            SqlTag.key == schema.STUDY, SqlTag.value == name
        )
        return self.runs([row[0] for row in self._rows(query)])

    def runs(self, run_ids: Sequence[str]) -> list[ReadRun]:
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
                ended(status, end),
                params[run_id],
                metrics[run_id],
                tags[run_id],
            )
            for run_id, name, status, start, end, stage in rows
            if stage == "active"
        ]
        return sorted(found_runs, key=lambda run: run.started)

    def run_ids(self) -> list[str]:
        query: Select[Any] = select(SqlRun.run_uuid).where(SqlRun.lifecycle_stage == "active")
        return [row[0] for row in self._rows(query)]

    def names(self, study: str) -> set[str]:
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
        rows = self._of(run_ids, SqlMetric, "key", "step", "value", "is_nan", "timestamp")
        return _last_of_steps(
            Point(run_id, key, step, _number(value, is_nan), timestamp / 1000)
            for run_id, key, step, value, is_nan, timestamp in rows
        )

    def text(self, run_id: str, path: str) -> str | None:
        return _text_of(MlflowClient(self._uri), self._uri, run_id, path)

    def _of(self, run_ids: Sequence[str], model: Any, *columns: str) -> Iterator[Any]:
        """Yield the rows of one table that belong to these runs."""
        chosen = [getattr(model, column) for column in ("run_uuid", *columns)]
        for start in range(0, len(run_ids), AT_ONCE):
            some = run_ids[start : start + AT_ONCE]
            yield from self._rows(select(*chosen).where(model.run_uuid.in_(some)))

    def _rows(self, query: Select[Any]) -> Sequence[Row[Any]]:
        try:
            with self._engine.connect() as connection:
                return connection.execute(query).all()
        except SQLAlchemyError as error:
            reason = mask(str(error.__cause__ or error)).splitlines()[0]
            address = mask(str(self._engine.url))
            raise StoreError(f"tracking.uri={address} cannot be read: {reason}") from error


class ServerReader:
    """Reads from an MLflow server, page by page."""

    folder = None

    def __init__(self, uri: str, root: Path = Path(DEFAULT_ROOT), flags: str = "") -> None:
        self.root = root
        self.flags = flags
        self._uri = uri
        self._client = MlflowClient(uri)
        self.pages = pages_of(uri)

    def studies(self) -> list[str]:
        return _names_of_studies(self._search({schema.ROLE: schema.Role.SWEEP}))

    def study(self, name: str) -> list[ReadRun]:
        return self._search({schema.STUDY: name})

    def runs(self, run_ids: Sequence[str]) -> list[ReadRun]:
        with asking(self._uri):
            found = [run for run in map(self._run, run_ids) if run is not None]
        return sorted(found, key=lambda run: run.started)

    def run_ids(self) -> list[str]:
        return [run.run_id for run in self._search({})]

    def names(self, study: str) -> set[str]:
        return {name for run in self.study(study) for name in run.names}

    def points(self, run_ids: Sequence[str]) -> list[Point]:
        with asking(self._uri):
            return _last_of_steps(
                Point(run.run_id, metric, entry.step, entry.value, entry.timestamp / 1000)
                for run in self.runs(run_ids)
                for metric in run.metrics
                for entry in self._client.get_metric_history(run.run_id, metric)
            )

    def text(self, run_id: str, path: str) -> str | None:
        return _text_of(self._client, self._uri, run_id, path)

    def _run(self, run_id: str) -> ReadRun | None:
        """Return a run, None where it does not exist or has been deleted."""
        try:
            run = self._client.get_run(run_id)
        except MlflowException as error:
            if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                raise
            return None
        return read_run(run) if run.info.lifecycle_stage == "active" else None

    def _search(self, tags: Mapping[str, str]) -> list[ReadRun]:
        with asking(self._uri):
            experiments = [one.experiment_id for one in self._client.search_experiments()]
            return list(search_runs(self._client, experiments, tags, order=_OLDEST_FIRST))


def _names_of_studies(sweeps: Iterable[ReadRun]) -> list[str]:
    """Return the studies of these sweeps, given oldest first: the last started study at the end."""
    started = {run.tags[schema.STUDY]: run.started for run in sweeps if schema.STUDY in run.tags}
    return sorted(started, key=lambda name: started[name])


def _last_of_steps(points: Iterable[Point]) -> list[Point]:
    """Return the last reported point of each step, sorted by run, metric and step."""
    ordered = sorted(points, key=lambda point: point.at)
    last = {(point.run_id, point.metric, point.step): point for point in ordered}
    return [last[place] for place in sorted(last)]


def _text_of(client: MlflowClient, uri: str, run_id: str, path: str) -> str | None:
    """Return a text artifact of a run, or of the run that it repeats; None where there is none.

    Raises:
        StoreError: the artifacts cannot be read, with any error: each kind of artifact store has
            its own libraries and errors.
    """
    try:
        if path not in {item.path for item in client.list_artifacts(run_id)}:
            original = original_of(client, run_id).info.run_id
            return None if original == run_id else _text_of(client, uri, original, path)
        with TemporaryDirectory() as folder:
            return Path(client.download_artifacts(run_id, path, folder)).read_text(encoding="utf-8")
    except Exception as error:
        raise StoreError(
            f"tracking.uri={mask(uri)}: the files of run {run_id} cannot be read: {reason(error)}\n"
            "Make sure that its artifact store can be reached, then give the same command again."
        ) from error


def _number(value: float, is_nan: bool) -> float:
    """Convert a value of MLflow's database: NaN is 0 with a flag, infinity the largest number."""
    if is_nan:
        return math.nan
    return math.copysign(math.inf, value) if abs(value) >= 1.7976931348623157e308 else value
