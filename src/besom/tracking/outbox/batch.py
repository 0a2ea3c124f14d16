"""Gathers parameters, metrics and tags, so that one request sends many."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag

from besom.common.text import shorten, storable
from besom.tracking import schema
from besom.tracking.client import is_refusal, reason
from besom.tracking.outbox.entries import Entry, Kind

# MLflow's limits for one request: 1000 items in all.
PARAMS = TAGS = 100
METRICS = 800

KINDS = frozenset({Kind.PARAMS, Kind.METRICS, Kind.TAGS})


class Batch:
    """The batchable entries of one run. A parameter keeps its first value and a tag its last, as if
    they were sent one by one."""

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

    def send_apart(
        self, client: MlflowClient, run_id: str, leave_out: Callable[[str], None]
    ) -> None:
        """Log everything except what MLflow refuses, which is passed to ``leave_out``.

        One bad value, a parameter logged twice say, must not lose the run's other values.
        """
        for params, tags, metrics in self._chunks():
            for kind, items in (("metrics", metrics), ("params", params), ("tags", tags)):
                _send(client, run_id, kind, items, leave_out)

    def _add(self, entry: Entry) -> None:
        if entry.kind == Kind.METRICS:
            step = entry.body["step"]
            self._metrics += (
                Metric(schema.valid_name(name), value, entry.at, step)
                for name, value in entry.body["values"].items()
            )
        elif entry.kind == Kind.PARAMS:
            for name, value in entry.body.items():
                self._params.setdefault(
                    schema.valid_name(name), shorten(storable(value), schema.PARAM_LENGTH)
                )
        else:
            for name, value in entry.body.items():
                self._tags[schema.valid_name(name)] = shorten(storable(value), schema.TAG_LENGTH)

    def _chunks(self) -> Iterator[tuple[list[Param], list[RunTag], list[Metric]]]:
        params = [Param(name, value) for name, value in self._params.items()]
        tags = [RunTag(name, value) for name, value in self._tags.items()]
        metrics = self._metrics
        while params or tags or metrics:
            yield params[:PARAMS], tags[:TAGS], metrics[:METRICS]
            params, tags, metrics = params[PARAMS:], tags[TAGS:], metrics[METRICS:]


def _send(
    client: MlflowClient,
    run_id: str,
    kind: str,
    items: Sequence[Any],
    leave_out: Callable[[str], None],
) -> None:
    """Log items of one kind, and find those that MLflow refuses by halving the list."""
    if not items:
        return
    try:
        client.log_batch(run_id, **{kind: items})  # type: ignore[arg-type]
        return
    except Exception as error:
        if not is_refusal(error):
            raise
        why = reason(error)
    if len(items) == 1:
        leave_out(f"{items[0].key}: {why}")
        return
    half = len(items) // 2
    _send(client, run_id, kind, items[:half], leave_out)
    _send(client, run_id, kind, items[half:], leave_out)
