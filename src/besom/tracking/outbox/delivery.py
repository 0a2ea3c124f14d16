"""Sends the entries of logs to MLflow. Every delivery can be repeated without harm."""

import json
import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Param, Run, RunTag
from mlflow.exceptions import MlflowException
from mlflow.utils.mlflow_tags import MLFLOW_DATASET_CONTEXT
from mlflow.utils.validation import MAX_DATASET_DIGEST_SIZE, MAX_DATASET_NAME_SIZE

from besom.common.addresses import mask
from besom.common.files import check_kept
from besom.common.text import check_table, shorten, storable
from besom.session import KerasModel
from besom.tracking import schema
from besom.tracking.client import is_refusal, reason
from besom.tracking.models.deleted import delete_model
from besom.tracking.models.logged_model import final_metrics, link_metrics, log_model
from besom.tracking.outbox.batch import KINDS as BATCHED
from besom.tracking.outbox.batch import Batch
from besom.tracking.outbox.deferred_runs import DeferredRuns, is_away
from besom.tracking.outbox.entries import Entry, Kind, is_overwritten, tensors
from besom.tracking.outbox.sender import NotYet, Refused

LONGEST_MISSING = 1000

_logger = logging.getLogger(__name__)


class OriginalGone(Exception):
    """The run that is repeated is gone for good."""


class Delivery:
    """Delivers the entries of runs in one experiment of one store."""

    def __init__(
        self, client: MlflowClient, experiment_id: str, deferred_runs: DeferredRuns
    ) -> None:
        self._client = client
        self._experiment_id = experiment_id
        self._deferred_runs = deferred_runs
        self._acts: Mapping[str, Callable[..., None]] = {
            Kind.FILE: self._file,
            Kind.TABLE: self._table,
            Kind.MODEL: self._model,
            Kind.VIEW: self._view,
            Kind.DATASET: self._dataset,
            Kind.DUPLICATE: self._duplicate,
            Kind.CLOSED: self._close,
            Kind.MODEL_DELETED: self._delete_model,
        }

    def __call__(self, key: str, entries: Sequence[Entry]) -> None:
        """Deliver entries: numbers and tags first, since users watch them during the run.

        Raises:
            Refused: the run does not exist, or has been deleted.
            Exception: of MLflow or the network; trying again may help.
        """
        try:
            self._deliver(self._deferred_runs.ensure(key, entries), entries)
            if any(entry.kind == Kind.CLOSED for entry in entries):
                self._deferred_runs.close_unused(key)
        except Exception as error:
            self._deferred_runs.is_away |= is_away(error)
            raise
        if any(entry.kind in BATCHED or entry.kind in self._acts for entry in entries):
            self._deferred_runs.is_away = False  # the store has answered

    def _deliver(self, run_id: str, entries: Sequence[Entry]) -> None:
        try:
            self._deliver_batch(run_id, entries)
            self._deliver_texts(run_id, [e.body for e in entries if e.kind == Kind.TEXT])
            ended = next((e.body["ended"] for e in entries if e.kind == Kind.CLOSED), None)
            for entry in entries:
                if is_overwritten(entry, ended):
                    self._miss(run_id, f"{entry.body['path']}, overwritten by another attempt,")
                elif act := self._acts.get(entry.kind):
                    self._carry_out(act, run_id, entry)
        except MlflowException as error:
            if self._is_gone(run_id):
                raise Refused(error.message) from error
            raise

    def _carry_out(self, act: Callable[..., None], run_id: str, entry: Entry) -> None:
        """Deliver one entry. What MLflow never accepts, a table named ``../x`` say, is left out."""
        try:
            act(run_id, **entry.body)
        except Exception as error:
            if not is_refusal(error) or self._is_gone(run_id):
                raise
            what = entry.body.get("name") or entry.body.get("path", "")
            self._miss(run_id, f"{entry.kind} {what:.100}: {reason(error)}")

    def _deliver_batch(self, run_id: str, entries: Sequence[Entry]) -> None:
        batch = Batch(_batchable(entries))
        try:
            batch.send(self._client, run_id)
            return
        except Exception as error:
            if not is_refusal(error) or self._is_gone(run_id):
                raise
        batch.send_apart(self._client, run_id, partial(self._miss, run_id))

    def _is_gone(self, run_id: str) -> bool:
        try:
            return bool(self._client.get_run(run_id).info.lifecycle_stage == "deleted")
        except MlflowException as error:
            return bool(error.error_code == "RESOURCE_DOES_NOT_EXIST")

    def _deliver_texts(self, run_id: str, texts: Sequence[Mapping[str, Any]]) -> None:
        """Send all texts at once, since MLflow takes as long for a folder as for a file, or one by
        one where they are refused."""
        if not texts:
            return
        try:
            self._send_texts(run_id, texts)
            return
        except Exception as error:
            if not is_refusal(error) or self._is_gone(run_id):
                raise
            why = reason(error)
        if len(texts) == 1:
            self._miss(run_id, f"{texts[0]['path']}: {why}")
            return
        for body in texts:
            self._deliver_texts(run_id, [body])

    def _send_texts(self, run_id: str, texts: Sequence[Mapping[str, Any]]) -> None:
        with TemporaryDirectory() as folder:
            for body in texts:
                file = Path(folder, body["path"])
                if ".." in file.parts or not file.is_relative_to(folder):  # only in a forged log
                    self._miss(run_id, body["path"])
                    continue
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(body["text"], encoding="utf-8")
            self._client.log_artifacts(run_id, folder)

    def _file(self, run_id: str, path: str, stamp: object = None) -> None:
        try:
            check_kept(Path(path))
        except (OSError, ValueError):
            self._miss(run_id, path)
            return
        if Path(path).is_dir():
            self._client.log_artifacts(run_id, path, artifact_path=Path(path).name)
        else:
            self._client.log_artifact(run_id, path)

    def _table(self, run_id: str, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Log a table. ``MlflowClient.log_table`` would append the rows again when repeated."""
        check_table(name)
        # MLflow does not escape a name in an address: a server would cut it at these characters.
        path = f"{schema.valid_name(name) if set(name) & set('#?%') else name}.json"
        columns = list(rows[0]) if rows else []
        data = [[row.get(column) for column in columns] for row in rows]
        self._client.log_text(run_id, json.dumps({"columns": columns, "data": data}), path)
        known = self._client.get_run(run_id).data.tags.get(schema.TABLES, "[]")
        tables = json.loads(known)
        if (table := {"path": path, "type": "table"}) in tables:
            return
        shown = json.dumps([*tables, table])
        if len(shown) <= schema.TAG_LENGTH:  # a tag that is cut could not be read
            self._client.set_tag(run_id, schema.TABLES, shown)

    def _view(self, run_id: str, tags: Mapping[str, str]) -> None:
        for key, value in tags.items():
            self._client.set_experiment_tag(self._experiment_id, key, value)

    def _model(
        self,
        run_id: str,
        path: str,
        inputs: dict[str, Any] | None,
        outputs: dict[str, Any] | None,
        stamp: object = None,
    ) -> None:
        if not os.access(path, os.R_OK):
            self._miss(run_id, path)
            return
        saved = KerasModel(Path(path), tensors(inputs), tensors(outputs))
        log_model(self._client, self._experiment_id, run_id, saved)

    def _dataset(self, run_id: str, name: str, digest: str, source: str, n_rows: int) -> None:
        """Log a data set. Repeating adds nothing: MLflow identifies it by name and digest."""
        data = Dataset(
            shorten(name, MAX_DATASET_NAME_SIZE),
            digest[:MAX_DATASET_DIGEST_SIZE],
            "local",
            json.dumps({"uri": source}),
            profile=json.dumps({"num_rows": n_rows}),
        )
        context = InputTag(MLFLOW_DATASET_CONTEXT, "training")
        self._client.log_inputs(run_id, datasets=[DatasetInput(data, [context])])

    def _duplicate(
        self,
        run_id: str,
        source_run_id: str,
        params: Mapping[str, Any] = MappingProxyType({}),
        values: Mapping[str, float] = MappingProxyType({}),
    ) -> None:
        try:
            self._repeat(run_id, self._deferred_runs.run_id(source_run_id))
        except OriginalGone as gone:
            known = [Entry(Kind.PARAMS, params), Entry(Kind.METRICS, {"step": 0, "values": values})]
            Batch(known).send(self._client, run_id)
            self._miss(run_id, f"{gone}, which this one repeats: only its values are known")

    def _repeat(self, run_id: str, original_id: str) -> None:
        """Copy the parameters, facts and final metrics of the original to a run that repeats it.

        Tags that identify a run (``besom.…``, ``mlflow.…``) are not copied.

        Raises:
            NotYet: the original has not been closed.
            OriginalGone: it is deleted for good, or was deleted before it was closed.
        """
        found = self._closed_run(original_id)
        original = self._closed_run(found.data.tags.get(schema.DUPLICATE_OF, original_id))
        tags = {
            name: text
            for name, text in original.data.tags.items()
            if not name.startswith(("besom.", "mlflow."))
        }
        tags[schema.DUPLICATE_OF] = original.info.run_id
        self._client.log_batch(
            run_id,
            final_metrics(self._client, original),
            [Param(name, value) for name, value in original.data.params.items()],
            [RunTag(name, value) for name, value in tags.items()],
        )
        if original.inputs and original.inputs.dataset_inputs:
            self._client.log_inputs(run_id, datasets=original.inputs.dataset_inputs)

    def _closed_run(self, run_id: str) -> Run:
        try:
            run = self._client.get_run(run_id)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            raise OriginalGone(f"run {run_id}") from error
        if run.info.status == schema.RunStatus.RUNNING:
            if run.info.lifecycle_stage == "deleted":
                raise OriginalGone(f"run {run_id}")
            raise NotYet(f"run {run_id} is still open")
        return run

    def _close(
        self,
        run_id: str,
        status: str,
        ended: int,
        tags: Mapping[str, str],
        model: bool,
    ) -> None:
        """Close a run; its last tags have been sent with all other tags."""
        if model:
            link_metrics(self._client, run_id)
        self._client.set_terminated(run_id, status, ended)

    def _delete_model(self, run_id: str, why: str) -> None:
        delete_model(self._client, run_id, why)

    def _miss(self, run_id: str, what: str) -> None:
        """Warn, and note in a tag, that something is missing: the rest of the run is delivered."""
        what = shorten(storable(mask(what)), LONGEST_MISSING)
        _logger.warning("run %s: not in the record: %s", run_id, what)
        known = self._client.get_run(run_id).data.tags.get(schema.MISSING, "")
        if what not in known.split("\n"):
            missing = shorten(f"{known}\n{what}".strip(), schema.TAG_LENGTH)
            self._client.set_tag(run_id, schema.MISSING, missing)


def _batchable(entries: Sequence[Entry]) -> Iterator[Entry]:
    for entry in entries:
        if entry.kind in BATCHED:
            yield entry
        elif entry.kind == Kind.CLOSED:
            yield Entry(Kind.TAGS, entry.body["tags"], entry.at)
