"""Writes runs to the record, without losing or doubling any.

Passwords in addresses are removed from what is written; files are kept as they are.

:class:`Record` writes first to a log on disk. A thread makes the log safe from power failures and
sends it to MLflow (:mod:`besom.tracking.outbox`). A process may be killed at any moment: the next
one that calls :meth:`Record.pending` delivers what was left.

A run ends in three steps: :meth:`Record.prepare_end` writes its end to disk; the caller commits the
result elsewhere (to Optuna, say); :meth:`Record.end_run` lets the run be closed. Until then MLflow
shows it as open. On closing, its tags are sent first, then its files and model, its status last.
"""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from besom.common.errors import StoreError
from besom.common.interpreter import importing
from besom.common.states import State
from besom.session import KerasModel, LoggedDataset
from besom.tracking import schema
from besom.tracking.client import asking, import_mlflow, is_mendable
from besom.tracking.outbox import entries
from besom.tracking.outbox.logged_run import Pending
from besom.tracking.outbox.outbox import Outbox
from besom.tracking.reader import ReadRun
from besom.tracking.runs import get_run, search_runs

if TYPE_CHECKING:
    from besom.tracking.store import Store

_logger = logging.getLogger(__name__)


def connect(root: Path, uri: str | None, experiment: str) -> "Record":
    """Open the record below ``root``, or the one at ``uri``; create what is missing.

    Takes one to three seconds, most of it the import of MLflow.

    Raises:
        StoreError: the folder cannot be written, or the address cannot be reached.
    """
    import_mlflow()
    with importing("besom.tracking.store"):
        from besom.tracking.store import open_store
    return Record(open_store(root, uri, experiment))


class Record:
    """Writes runs to one experiment. Methods may be called from any thread."""

    def __init__(self, store: "Store") -> None:
        from besom.tracking.outbox.deferred_runs import DeferredRuns
        from besom.tracking.outbox.delivery import Delivery

        self.uri = store.uri
        self.experiment_id = store.experiment_id
        self._client = store.client
        self._deferred_runs = DeferredRuns(store.client, store.experiment_id)
        deliver = Delivery(store.client, store.experiment_id, self._deferred_runs)
        self._outbox = Outbox(store.outbox, store.uri, store.place, deliver)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            self.close()
        except StoreError as error:
            if kind is None:
                raise
            _logger.warning("%s", error)

    # -- a run's life --------------------------------------------------------------------------

    def start_run(
        self,
        name: str,
        tags: Mapping[str, str],
        parent: str | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> str:
        """Create a run in MLflow and return its id.

        Where MLflow has become unreachable, or does not answer within seconds, a run with a parent
        gets a key of our own as its id, and is created later; :meth:`mlflow_id` then gives
        MLflow's id.

        Raises:
            StoreError: MLflow refuses the run, or does not answer and there is no parent.
        """
        key = self._deferred_runs.new_key()
        parents = {schema.PARENT: parent} if parent else {}
        opened = self._outbox.opened(name, {**tags, **parents, schema.KEY: key})
        with asking(self.uri):
            run_id = self._deferred_runs.start(key, opened, may_be_deferred=parent is not None)
        self._outbox.open(run_id or key, opened, send=run_id is None)
        if params:
            self.params(run_id or key, params)
        return run_id or key

    def resume_run(self, name: str, tags: Mapping[str, str]) -> str:
        """Reopen the run that has all these tags, or create it: a caller that was killed before it
        could store the id finds it again.

        Raises:
            StoreError: the store does not answer, or refuses the run.
        """
        found = next(iter(self.runs(tags)), None)
        if found is None:
            return self.start_run(name, tags)
        self.reopen(found.run_id)
        return found.run_id

    def mlflow_id(self, run_id: str) -> str:
        """Return MLflow's id of a run, given what :meth:`start_run` has returned.

        Raises:
            StoreError: the run has not been created yet, or the store does not answer.
        """
        with asking(self.uri):
            return self._deferred_runs.run_id(run_id)

    def reopen(self, run_id: str) -> None:
        """Reopen a run that was closed, or one that a dead process left open.

        Raises:
            StoreError: the run is no longer in the store, or the store does not answer.
        """
        self._outbox.take_over({}, run_id)
        with asking(self.uri):
            info = get_run(self._client, run_id)
            if run_id not in self._outbox:
                self._client.update_run(run_id, status=schema.RunStatus.RUNNING)
                self._outbox.open(run_id, self._outbox.opened(info.name, info.tags))
        self._tag(run_id, {schema.STATE: State.RUNNING})

    def prepare_end(
        self,
        run_id: str,
        status: str,
        tags: Mapping[str, str],
        outcome: Mapping[str, Any],
        ended: int | None = None,
    ) -> None:
        """Write the end of a run to disk, atomically and safe from power failures.

        The run stays open until :meth:`end_run`. After a crash in between, ``outcome`` (JSON) tells
        the next start what the caller was about to commit; a run with an empty one is closed by the
        next start itself. ``ended`` (ms since 1970): when the run ended, if not now.
        """
        self._outbox.log(run_id, entries.finished(status, tags, outcome, ended), sync=True)

    def end_run(self, run_id: str) -> None:
        """Have a run closed in MLflow, after :meth:`prepare_end`."""
        self._outbox.end_run(run_id)

    def kill(self, run_id: str, tags: Mapping[str, str], ended: int | None = None) -> None:
        """Close a run whose work is lost as KILLED; it may be one of a process that has died, and
        ``ended`` with it (ms since 1970)."""
        self.prepare_end(run_id, schema.RunStatus.KILLED, tags, {}, ended)
        self.end_run(run_id)

    # -- a run's content: on disk when these methods return, in MLflow soon after --------------

    def params(self, run_id: str, params: Mapping[str, Any]) -> None:
        """Log parameters; MLflow keeps the first value of each."""
        self._outbox.send(run_id, entries.params(params))

    def metrics(self, run_id: str, step: int, metrics: Mapping[str, float]) -> None:
        """Log metrics at ``step``."""
        known = self._outbox.last_metrics(run_id)
        # At the same step and millisecond, MLflow would show the larger value instead of the last.
        after = max((known[name].at for name in metrics if name in known), default=0)
        self._outbox.send(run_id, entries.metrics(step, metrics, after))

    def log(self, run_id: str, values: Mapping[str, float | str]) -> None:
        """Log facts about the whole run: numbers become metrics, text becomes tags.

        Where a number's name was also reported by step, the number is logged at the last step,
        which MLflow's tables show; an equal value is not logged again.
        """
        known = self._outbox.last_metrics(run_id)
        for name, value in values.items():
            if not isinstance(value, str):
                last = known.get(name)
                if last is None or value != last.value:
                    self.metrics(run_id, last.step if last else 0, {name: value})
        self._tag(run_id, {name: text for name, text in values.items() if isinstance(text, str)})

    def text(self, run_id: str, artifact_path: str, content: str) -> None:
        """Log a text file of the run."""
        self._outbox.send(run_id, entries.text(artifact_path, content))

    def file(self, run_id: str, path: Path) -> None:
        """Log a file or folder, which must stay in place until it is delivered."""
        self._outbox.send(run_id, entries.file(path))

    def model(self, run_id: str, model: KerasModel) -> None:
        """Log the run's model, ``runs:/RUN_ID/model``; its file must stay until it is delivered."""
        self._outbox.send(run_id, entries.model(model))

    def delete_model(self, run_id: str, why: str) -> None:
        """Have the model of an ended run deleted, unless it is registered; a tag says ``why``."""
        self._outbox.send(run_id, entries.model_deleted(why))

    def table(self, run_id: str, name: str, rows: Sequence[Mapping[str, float | str]]) -> None:
        """Log a small table, ``NAME.json``, which MLflow's interface shows as a table."""
        self._outbox.send(run_id, entries.table(name, rows))

    def view(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Set the view of a study: see :class:`besom.tracking.pages.views.StudyView`."""
        self._outbox.send(run_id, entries.view(tags))

    def metric_names(self, run_id: str) -> list[str]:
        """Return the names of the metrics logged so far in an open run."""
        return list(self._outbox.last_metrics(run_id))

    def dataset(self, run_id: str, dataset: LoggedDataset) -> None:
        """Log a data set among the run's inputs."""
        self._outbox.send(run_id, entries.dataset(dataset))

    def note(self, run_id: str, markdown: str) -> None:
        """Set the text on top of the run's page; lines beyond MLflow's limit are left out."""
        self._outbox.send(run_id, entries.note(markdown))

    def reuse(
        self, run_id: str, original: str, params: Mapping[str, Any], values: Mapping[str, float]
    ) -> None:
        """Log that a run repeats another: copy the original's parameters, facts, final metrics.

        Args:
            params: the run's parameters where the original is gone.
            values: its objectives in that case.
        """
        self._outbox.send(run_id, entries.duplicate(original, params, values))

    def _tag(self, run_id: str, tags: Mapping[str, str]) -> None:
        if tags:
            self._outbox.send(run_id, entries.tags(tags))

    def pending(self, tags: Mapping[str, str] | None = None) -> list[Pending]:
        """Take over and deliver the runs with these tags that dead processes left, and return the
        open ones. The caller ends (:meth:`end_run`, with an outcome), kills or continues each.

        Runs of live processes are not touched. Without tags: all runs.

        Raises:
            StoreError: as :meth:`flush`.
        """
        self._outbox.take_over(tags or {})
        return self._outbox.pending(tags or {})

    def runs(self, tags: Mapping[str, str], status: str | None = None) -> list[ReadRun]:
        """Return all runs of the experiment with these tags, newest first, after retrying what was
        refused and a :meth:`flush`.

        Raises:
            StoreError: the store does not answer.
        """
        self._outbox.retry_refused()
        self.flush()
        with asking(self.uri):
            return list(search_runs(self._client, [self.experiment_id], tags, status))

    def reported(self, run_id: str, metric: str) -> dict[int, int]:
        """Return when a metric of a run was reported (ms since 1970), by step, as the store has it.

        Raises:
            StoreError: the store does not answer.
        """
        with asking(self.uri):
            history = self._client.get_metric_history(run_id, metric)
        return {entry.step: entry.timestamp for entry in history}

    # -- delivery ------------------------------------------------------------------------------

    def flush(self) -> None:
        """Wait until everything is delivered to MLflow.

        Raises:
            StoreError: the delivery failed; the entries stay on disk.
        """
        self._outbox.flush()

    def check(self) -> None:
        """Raise the error of the last delivery if it is a bug: others may go away by themselves."""
        error = self._outbox.error
        if error is not None and not is_mendable(error):
            raise error

    def close(self) -> None:
        """Deliver everything and end the thread. Open runs stay open for the next start.

        Raises:
            StoreError: as :meth:`flush`.
        """
        self._outbox.close()
