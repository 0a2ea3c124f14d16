"""Parameters, metrics and tags, gathered so that one request carries many."""

import logging
import posixpath
import re
from collections.abc import Iterable, Iterator

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException

from besom.tracking.limits import (
    KEY_LENGTH,
    METRICS,
    PARAM_LENGTH,
    PARAMS,
    TAG_LENGTH,
    TAGS,
    shorten,
)
from besom.tracking.spool import Entry

KINDS = frozenset({"params", "metrics", "tags"})

_logger = logging.getLogger(__name__)


class Batch:
    """The batchable entries of one run. The first value of a parameter and the last of a tag win,
    as they would have one by one."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._params: dict[str, str] = {}
        self._tags: dict[str, str] = {}
        self._metrics: list[Metric] = []
        for entry in entries:
            self._add(entry)

    def send(self, client: MlflowClient, run_id: str) -> None:
        """Log everything in as few requests as MLflow allows."""
        for params, tags, metrics in self._chunks():
            client.log_batch(run_id, metrics=metrics, params=params, tags=tags)

    def send_singly(self, client: MlflowClient, run_id: str) -> None:
        """Log one by one and leave out, with a warning, what MLflow refuses.

        One bad value, a parameter logged twice say, must not cost the run its other values.
        """
        for params, tags, metrics in self._chunks():
            for name, items in (("metrics", metrics), ("params", params), ("tags", tags)):
                for item in items:
                    _try(client, run_id, name, item)

    def _add(self, entry: Entry) -> None:
        if entry.kind == "metrics":
            step = entry.body["step"]
            self._metrics += (
                Metric(clean(name), value, entry.at, step)
                for name, value in entry.body["values"].items()
            )
        elif entry.kind == "params":
            for name, value in entry.body.items():
                self._params.setdefault(clean(name), shorten(value, PARAM_LENGTH))
        else:
            for name, value in entry.body.items():
                self._tags[clean(name)] = shorten(value, TAG_LENGTH)

    def _chunks(self) -> Iterator[tuple[list[Param], list[RunTag], list[Metric]]]:
        params = [Param(name, value) for name, value in self._params.items()]
        tags = [RunTag(name, value) for name, value in self._tags.items()]
        metrics = self._metrics
        while params or tags or metrics:
            yield params[:PARAMS], tags[:TAGS], metrics[:METRICS]
            params, tags, metrics = params[PARAMS:], tags[TAGS:], metrics[METRICS:]


def clean(name: str) -> str:
    """A name that MLflow takes: other characters than it allows become underscores."""
    name = re.sub(r"[^/\w.\- :]", "_", name)[:KEY_LENGTH]
    if posixpath.normpath(name) != name or name.startswith(("/", "..")) or name == ".":
        name = re.sub(r"^\.+|/", "_", name)
    return name or "_"


def _try(client: MlflowClient, run_id: str, name: str, item: Metric | Param | RunTag) -> None:
    try:
        client.log_batch(run_id, **{name: [item]})  # type: ignore[arg-type]
    except MlflowException as error:
        if error.error_code != "INVALID_PARAMETER_VALUE":
            raise
        _logger.warning("run %s: MLflow refuses %s: %s", run_id, item.key, error.message)
