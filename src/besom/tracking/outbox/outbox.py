"""Writes entries to their run's log on disk, and then passes them to the sender.

Its runs are those of this process, and those taken over from dead processes.
"""

import logging
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from besom.common.errors import StoreError
from besom.common.files import remedy
from besom.tracking.client import delivering
from besom.tracking.outbox import entries
from besom.tracking.outbox.entries import Entry, Kind
from besom.tracking.outbox.log import (
    REFUSED,
    SUFFIX,
    RunLog,
    first_entry,
    read,
    run_logs,
    set_orphaned_logs_aside,
)
from besom.tracking.outbox.logged_run import LastMetric, LoggedRun, Pending, RunStage
from besom.tracking.outbox.sender import Deliver, Refused, Sender

_logger = logging.getLogger(__name__)


class Outbox:
    """Logs and sends the entries of runs of one experiment in one store.

    Logs of other stores and experiments are not touched: their runs are unknown here.

    Args:
        folder: the folder of the logs.
        uri: the store's address.
        place: ``store`` and ``experiment``, as each log names the place where it belongs.
        deliver: sends entries to the store.
    """

    def __init__(self, folder: Path, uri: str, place: Mapping[str, str], deliver: Deliver) -> None:
        self._folder = folder
        self._uri = uri
        self._place = place
        self._deliver_to_store = deliver
        self._runs: dict[str, LoggedRun] = {}
        self._lock = threading.RLock()
        self._sender = Sender(self._deliver, keep=self._sync)

    # -- a run's log ---------------------------------------------------------------------------

    def opened(self, name: str, tags: Mapping[str, str]) -> Entry:
        """Return the first entry of a run's log."""
        return entries.opened(name, tags, self._place)

    def open(self, run_id: str, opened: Entry, send: bool = False) -> None:
        """Begin the log of a run of this process; ``send``: the store has yet to create the run."""
        try:
            log = RunLog.create(self._folder, run_id)
            try:
                log.append(opened)
            except OSError:
                log.remove()
                raise
        except OSError as error:
            raise self._unwritable(error) from error
        with self._lock:
            self._runs[run_id] = LoggedRun(log, opened)
        if send:
            self._sender.post(run_id, [opened])

    def __contains__(self, run_id: str) -> bool:
        with self._lock:
            return run_id in self._runs

    def send(self, run_id: str, entry: Entry) -> None:
        """Log an entry and send it: it is on disk when this returns, in the store soon after."""
        self.log(run_id, entry)
        self._sender.post(run_id, [entry])

    def log(self, run_id: str, entry: Entry, sync: bool = False) -> None:
        """Append an entry to a run's log, which is created if the run was not opened here."""
        with self._lock:
            if run_id not in self._runs:
                self.open(run_id, self.opened(name="", tags={}))
            run = self._runs[run_id]
            try:
                run.log.append(entry)
                if sync:
                    run.log.sync()
            except OSError as error:
                raise self._unwritable(error) from error
            run.note(entry)
            # A finished run is closed by the next start even if this entry is lost.
            run.is_synced = sync or (run.is_synced and entry.kind == Kind.CLOSED)

    def end_run(self, run_id: str) -> None:
        """Have a finished run closed.

        Raises:
            KeyError: the run has not finished.
        """
        with self._lock:
            run = self._runs[run_id]
        if run.finished is None:
            raise KeyError(run_id)
        self.send(run_id, entries.closed(run.finished, run.has_model))

    def last_metrics(self, run_id: str) -> Mapping[str, LastMetric]:
        """Return the last logged value of each metric of a run."""
        with self._lock:
            return dict(self._runs[run_id].metrics) if run_id in self._runs else {}

    # -- what dead processes left --------------------------------------------------------------

    def take_over(self, tags: Mapping[str, str], run_id: str | None = None) -> None:
        """Take over and deliver the logs that dead processes left of runs with these tags, or of
        one run. Refused logs are tried too: the run may have been restored. Finished runs without
        an outcome are closed.

        Raises:
            StoreError: as :meth:`flush`.
        """
        set_orphaned_logs_aside(self._folder)
        for path in run_logs(self._folder, (SUFFIX, REFUSED)):
            opened = first_entry(path)
            if opened is None or run_id not in (None, path.stem):
                continue
            if not self._concerns(opened, tags) or path.stem in self:
                continue
            if log := RunLog.take_over(path):
                self._go_on_with(log)
        for run in self._taken_over(RunStage.ENDED):
            self.end_run(run.log.run_id)
        self.flush()

    def pending(self, tags: Mapping[str, str]) -> list[Pending]:
        """Return the runs with these tags that were taken over and are not closed yet."""
        runs = self._taken_over(RunStage.OPEN, RunStage.FINISHED)
        return [run.pending for run in runs if tags.items() <= run.opened.body["tags"].items()]

    def _taken_over(self, *stages: RunStage) -> list[LoggedRun]:
        with self._lock:
            runs = list(self._runs.values())
        return [run for run in runs if run.is_taken_over and run.stage in stages]

    def _concerns(self, opened: Entry, tags: Mapping[str, str]) -> bool:
        theirs = opened.body["tags"]
        is_here = all(opened.body.get(key) == here for key, here in self._place.items())
        return is_here and (not theirs or tags.items() <= theirs.items())

    def _go_on_with(self, log: RunLog) -> None:
        told = list(read(log.path))
        run = LoggedRun(log, told[0], True, is_refused=log.path.suffix == REFUSED)
        for entry in told:
            run.note(entry)
        with self._lock:
            self._runs[log.run_id] = run
        self._sender.post(log.run_id, told)

    # -- delivery ------------------------------------------------------------------------------

    @property
    def error(self) -> Exception | None:
        """The error of the last delivery, None where it succeeded."""
        return self._sender.error

    def flush(self) -> None:
        """Wait until everything is delivered to the store.

        Raises:
            StoreError: the delivery failed; the entries stay on disk.
        """
        with delivering(self._uri, self._folder):
            self._sender.flush()

    def retry_refused(self) -> None:
        """Retry what was refused."""
        with self._lock:
            refused = [run_id for run_id, run in self._runs.items() if run.is_refused]
        for run_id in refused:
            self._sender.post(run_id, [])

    def close(self) -> None:
        """Deliver everything, end the thread and close all logs; those of open runs stay on disk.

        Raises:
            StoreError: as :meth:`flush`; then all logs stay on disk.
        """
        is_delivered = False
        try:
            with delivering(self._uri, self._folder):
                self._sender.close()
            is_delivered = True
        finally:
            with self._lock:
                for run in self._runs.values():
                    is_all = run.stage is RunStage.ADDED_TO and not run.is_refused
                    if is_delivered and is_all:
                        run.log.remove()
                    else:
                        run.log.close()
                self._runs.clear()

    def _deliver(self, run_id: str, told: Sequence[Entry]) -> None:
        """Deliver entries. After a refusal send the whole log each time: the run may be back."""
        with self._lock:
            run = self._runs[run_id]
            if run.is_refused:
                told = list(read(run.log.path))
        try:
            self._deliver_to_store(run_id, told)
        except Refused as reason:
            self._set_aside(run, reason)
            return
        with self._lock:
            if run.is_refused:
                run.is_refused = False
                run.log.take_back()
            if run.is_delivered(told):
                del self._runs[run_id]
                run.log.remove()

    def _set_aside(self, run: LoggedRun, reason: Exception) -> None:
        with self._lock:
            run.is_refused = True
            aside = run.log.set_aside()
        if aside:
            _logger.warning(
                "run %s is not in MLflow (%s); its log is kept as %s, and tried again by the next "
                "start or `besom sync`",
                *(run.log.run_id, reason, aside),
            )

    def _sync(self) -> None:
        """Make what was logged so far safe from power failures.

        Only for the thread that also removes logs. It does not block writers that append.
        """
        with self._lock:
            runs = [run for run in self._runs.values() if not run.is_synced]
        for run in runs:
            run.is_synced = True  # set first, since an entry appended meanwhile resets it
            try:
                run.log.sync()
            except OSError as error:
                run.is_synced = False
                raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> StoreError:
        return StoreError(
            f"{self._folder} cannot be written ({error.strerror}).\n"
            f"{remedy(error)}; the same command resumes from here."
        )
