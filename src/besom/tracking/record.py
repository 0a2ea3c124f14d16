"""What is kept of runs, and the promise that nothing of it is lost or doubled.

What is told of runs is kept without the passwords of addresses; files are kept as they are.

:class:`Record` writes first to a log on disk (:mod:`besom.tracking.outbox.log`); a thread
makes that safe from power failures and carries it to MLflow. A process may be killed at any moment:
the next one that asks for :meth:`Record.pending` delivers what was left.

A run ends in this order: :meth:`Record.finish` puts its last words on disk; the caller commits
the result wherever else it counts (Optuna, say); :meth:`Record.confirm` lets the run be closed.
Until then it looks as it did before it ended. As it is closed its tags are told to MLflow first,
then its files and model, and at last that it is no longer RUNNING.
"""

import functools
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from besom.common.addresses import mask
from besom.common.errors import StoreError
from besom.common.interpreter import importing
from besom.common.states import State
from besom.common.text import shorten, storable
from besom.session import KerasModel
from besom.tracking import schema
from besom.tracking.client import asking, import_mlflow, is_mendable, reason
from besom.tracking.outbox.file_fingerprint import stamp
from besom.tracking.outbox.log import Entry, set_strangers_aside
from besom.tracking.outbox.outbox import Ledger, Pending
from besom.tracking.outbox.sender import Courier, Refused
from besom.tracking.runs import RunInfo, find_runs, get_run

if TYPE_CHECKING:
    from besom.tracking.store import Store

_logger = logging.getLogger(__name__)


def connect(root: Path, uri: str | None, experiment: str) -> "Record":
    """Open the record below ``root``, or the one at ``uri``; creates what is not there.

    Takes one to three seconds, most of it the import of MLflow.

    Raises:
        StoreError: the folder cannot be written, or the address cannot be reached.
    """
    import_mlflow()
    with importing("besom.tracking.store"):
        from besom.tracking.store import open_store
    return Record(open_store(root, uri, experiment))


@dataclass(frozen=True)
class _Last:
    """The last value of a metric, and when it was said (ms since 1970)."""

    step: int
    value: float
    at: int


class Record:
    """Writes runs to one experiment. Methods may be called from any thread."""

    def __init__(self, store: "Store") -> None:
        from besom.tracking.outbox.delivery import Delivery

        self.uri = store.uri
        self.experiment_id = store.experiment_id
        self._client = store.client
        self._deliver_to_mlflow = Delivery(store.client, store.experiment_id)
        self._latecomers = self._deliver_to_mlflow.latecomers
        address = "own" if store.is_own else mask(store.uri)
        self._ledger = Ledger(store.spool, address, store.experiment)
        self._courier = Courier(self._deliver, keep=self._ledger.sync)
        self._last: dict[str, dict[str, _Last]] = {}

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
        """Create a run in MLflow, before this returns, and give its id.

        Where MLflow has been lost on the way, or does not answer within seconds, a run with a
        parent gets a name of our own, and is created later; :meth:`mlflow_id` tells which it has
        become.

        Raises:
            StoreError: MLflow does not take it; or it does not answer, and there is no parent.
        """
        from besom.tracking.outbox.deferred_runs import new_key

        name, key = shorten(storable(mask(name)), schema.RUN_NAME_LENGTH), new_key()
        parents = {schema.PARENT: parent} if parent else {}
        tags = {**_masked(tags), **parents, schema.KEY: key}
        with asking(self.uri):
            run_id = self._latecomers.create(key, name, tags, may_be_late=parent is not None)
        opened = self._ledger.open(run_id or key, name, tags)
        if run_id is None:
            self._courier.post(key, [opened])
        if params:
            self.params(run_id or key, params)
        return run_id or key

    def resume_run(self, name: str, tags: Mapping[str, str]) -> str:
        """Go on with the run that has all these tags, or create it: a caller that was killed
        before it could keep the id finds it again.

        Raises:
            StoreError: the store does not answer, or does not take it.
        """
        with asking(self.uri):
            found = next(iter(find_runs(self._client, self.experiment_id, tags, None)), None)
        if found is None:
            return self.start_run(name, tags)
        self.reopen(found.run_id)
        return found.run_id

    def mlflow_id(self, run_id: str) -> str:
        """MLflow's id of a run that :meth:`start_run` has named.

        Raises:
            StoreError: it is still to be created, or the store does not answer.
        """
        with asking(self.uri):
            return self._latecomers.run_id(run_id)

    def reopen(self, run_id: str) -> None:
        """Go on with a run that was closed, or with one that a dead process left open.

        Raises:
            StoreError: the run is not in the store any more, or the store does not answer.
        """
        self._take_over({}, run_id)
        with asking(self.uri):
            info = get_run(self._client, run_id)
            if run_id not in self._ledger:
                self._client.update_run(run_id, status=schema.RunStatus.RUNNING)
                self._ledger.open(run_id, info.name, info.tags)
        self._tag(run_id, {schema.STATE: State.RUNNING})

    def finish(
        self,
        run_id: str,
        status: str,
        tags: Mapping[str, str],
        outcome: Mapping[str, Any],
        ended: int | None = None,
    ) -> None:
        """Put a run's last words on disk, all or none, safe from power failures from then on.

        The run stays open until :meth:`confirm`. ``outcome`` (JSON) tells the next start,
        after a crash in between, what the caller was about to commit; where it is empty, there is
        nothing to find out, and the next start confirms by itself. ``ended`` (ms since 1970) is
        for runs that have not ended just now.
        """
        last_words = {"status": status, "tags": _masked(tags), "outcome": dict(outcome)}
        entry = Entry("finished", last_words)
        self._ledger.append(run_id, replace(entry, at=ended or entry.at), sync=True)

    def confirm(self, run_id: str) -> None:
        """Let a finished run be closed in MLflow and forgotten here."""
        finished = self._ledger.finished(run_id)
        last_words = {key: finished.body[key] for key in ("status", "tags")}
        rest = {"ended": finished.at, "model": self._ledger.has_model(run_id)}
        self._append(run_id, "closed", last_words | rest)

    def kill(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Close a run whose work is lost as KILLED, also one of another process."""
        self.finish(run_id, schema.RunStatus.KILLED, tags, {})
        self.confirm(run_id)

    # -- what it is told; on disk when these return, in MLflow soon after ----------------------

    def params(self, run_id: str, params: Mapping[str, Any]) -> None:
        """Parameters; MLflow keeps the first value of each."""
        self._append(run_id, "params", _masked(params))

    def metrics(self, run_id: str, step: int, metrics: Mapping[str, float]) -> None:
        """Numbers after ``step``."""
        values = {name: float(value) for name, value in metrics.items()}
        known = self._last.setdefault(run_id, {})
        # Of equal step and millisecond, MLflow would show the larger value instead of the last.
        before = max((known[name].at for name in values if name in known), default=0)
        entry = Entry("metrics", {"step": step, "values": values})
        entry = replace(entry, at=max(entry.at, before + 1))
        known.update({name: _Last(step, value, entry.at) for name, value in values.items()})
        self._write(run_id, entry)

    def log(self, run_id: str, values: Mapping[str, float | str]) -> None:
        """Facts about the whole run: numbers become metrics, text becomes tags.

        A number whose name was reported per step too becomes the last step's value, which is the
        one that MLflow's tables show; where it is that value, nothing is added.
        """
        for name, value in values.items():
            if not isinstance(value, str):
                last = self._last.get(run_id, {}).get(name)
                if last is None or value != last.value:
                    self.metrics(run_id, last.step if last else 0, {name: value})
        self._tag(run_id, {name: text for name, text in values.items() if isinstance(text, str)})

    def text(self, run_id: str, artifact_path: str, content: str) -> None:
        """A text file of the run."""
        self._append(run_id, "text", {"path": artifact_path, "text": _clean_once(content)})

    def file(self, run_id: str, path: Path) -> None:
        """A file or folder; it must stay until it has been delivered."""
        self._append(run_id, "file", {"path": str(path.absolute()), "stamp": stamp(path)})

    def model(self, run_id: str, model: KerasModel) -> None:
        """The run's model, ``runs:/RUN_ID/model``; the file must stay until it is delivered."""
        body = {"path": str(model.path.absolute()), "stamp": stamp(model.path)}
        sides = {"inputs": asdict(model.inputs), "outputs": asdict(model.outputs)}
        self._append(run_id, "model", body | sides)

    def table(self, run_id: str, name: str, rows: Sequence[Mapping[str, float | str]]) -> None:
        """A small table, ``NAME.json``, that MLflow's interface shows as one."""
        shown = [{key: _cell(value) for key, value in row.items()} for row in rows]
        self._append(run_id, "table", {"name": name, "rows": shown})

    def note(self, run_id: str, markdown: str) -> None:
        """The text on top of the run's page; lines that MLflow has no room for are left out."""
        while len(markdown) > schema.TAG_LENGTH:
            markdown = markdown[: schema.TAG_LENGTH - 2].rpartition("\n")[0] + "\n…"
        self._tag(run_id, {schema.NOTE: markdown})

    def reuse(
        self,
        run_id: str,
        source_run_id: str,
        params: Mapping[str, Any],
        values: Mapping[str, float],
    ) -> None:
        """Have a run say that it repeats another, with its parameters, facts and final metrics.

        Args:
            params: what the run has where the other one is gone.
            values: the same, its objectives.
        """
        known = {"params": _masked(params), "values": dict(values)}
        self._append(run_id, "duplicate", {"source_run_id": source_run_id, **known})

    # -- what is there -------------------------------------------------------------------------

    def pending(self, tags: Mapping[str, str] | None = None) -> list[Pending]:
        """Take over the runs with these tags that dead processes left open, and deliver what they
        had to say. Each wants :meth:`confirm` (if it has an outcome), :meth:`kill`, or to go on.

        Runs of processes that are alive are not touched. Without tags: all runs.

        Raises:
            StoreError: as :meth:`flush`.
        """
        self._take_over(tags or {})
        return self._ledger.pending(tags or {})

    def runs(self, tags: Mapping[str, str], status: str | None = None) -> list[RunInfo]:
        """All runs of the experiment with these tags, newest first; waits for :meth:`flush`, and
        tries once more what was refused.

        Raises:
            StoreError: the store does not answer.
        """
        for run_id in self._ledger.refused():
            self._courier.post(run_id, [])
        self.flush()
        with asking(self.uri):
            return list(find_runs(self._client, self.experiment_id, tags, status))

    def steps(self, run_id: str, metric: str) -> list[int]:
        """The steps at which the store knows a metric of a run.

        Raises:
            StoreError: the store does not answer.
        """
        with asking(self.uri):
            history = self._client.get_metric_history(run_id, metric)
        return [entry.step for entry in history]

    # -- delivery ------------------------------------------------------------------------------

    def flush(self) -> None:
        """Wait until MLflow has everything.

        Raises:
            StoreError: it does not take it; what was said stays on disk.
        """
        try:
            self._courier.flush()
        except Exception as error:
            raise self._undelivered(error) from error

    def check(self) -> None:
        """Raise what broke the delivery, if it is a bug: waiting mends all else."""
        error = self._courier.error
        if error is not None and not is_mendable(error):
            raise error

    def close(self) -> None:
        """Deliver everything and end the thread. Runs that are open stay so, for the next start.

        Raises:
            StoreError: as :meth:`flush`.
        """
        delivered = False
        try:
            self._courier.close()
            delivered = True
        except Exception as error:
            raise self._undelivered(error) from error
        finally:
            self._ledger.close(delivered)

    def _append(self, run_id: str, kind: str, body: Mapping[str, Any]) -> None:
        self._write(run_id, Entry(kind, body))

    def _write(self, run_id: str, entry: Entry) -> None:
        self._ledger.append(run_id, entry)
        self._courier.post(run_id, [entry])

    def _tag(self, run_id: str, tags: Mapping[str, str]) -> None:
        if tags:
            self._append(run_id, "tags", _masked(tags))

    def _deliver(self, run_id: str, entries: Sequence[Entry]) -> None:
        """Once a parcel was refused, all entries go each time: the run may be back."""
        if was_refused := run_id in self._ledger.refused():
            entries = self._ledger.entries(run_id)
        try:
            self._deliver_to_mlflow(run_id, entries)
        except Refused as reason:
            if aside := self._ledger.set_aside(run_id):
                _logger.warning(
                    "run %s is not in MLflow (%s); its log is kept as %s, and tried again by the "
                    "next start or `besom sync`",
                    *(run_id, reason, aside),
                )
            return
        if was_refused:
            self._ledger.taken(run_id)
        if any(entry.kind == "closed" for entry in entries):
            self._ledger.remove(run_id)
            self._last.pop(run_id, None)

    def _take_over(self, tags: Mapping[str, str], run_id: str | None = None) -> None:
        """Deliver what dead processes left, and close what they had left to be closed only."""
        set_strangers_aside(self._ledger.folder)
        for adopted, entries in self._ledger.adopt(tags, run_id).items():
            self._courier.post(adopted, entries)
        for settled in self._ledger.settled():
            self.confirm(settled)
        self.flush()

    def _undelivered(self, error: Exception) -> Exception:
        if not is_mendable(error):
            return error
        return StoreError(
            f"{mask(self.uri)} does not take the record: {reason(error)}\n"
            f"Nothing is lost: it is kept in {self._ledger.folder}, and `besom sync` delivers it."
        )


def _masked(values: Mapping[str, Any]) -> dict[str, str]:
    """Text as all that may read the record see it: without the passwords of addresses."""
    return {name: storable(mask(str(value))) for name, value in values.items()}


def _cell(value: float | str) -> float | str:
    return mask(value) if isinstance(value, str) else value


# The texts of an environment are long, and the same for all runs of a process.
_clean_once = functools.lru_cache(maxsize=8)(lambda content: storable(mask(content)))
