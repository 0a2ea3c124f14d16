"""Sends entries to MLflow in a thread, so that callers do not wait."""

import logging
import threading
import time
from collections.abc import Callable, Sequence

from besom.tracking.client import reason
from besom.tracking.outbox.entries import Entry

# A delivery takes about the same time whatever its size: with many runs, more is gathered first.
GATHER_SECONDS = 0.2
MAX_GATHER_SECONDS = 10.0
REST = 2.0
FAILURES_PER_ROUND = 3
RETRY_SECONDS = (1.0, 2.0, 5.0, 10.0, 30.0)

_logger = logging.getLogger(__name__)

Deliver = Callable[[str, Sequence[Entry]], None]


class Refused(Exception):
    """Raised by a delivery when a retry would be useless."""


class NotYet(OSError):
    """Raised by a delivery when another run's entries have to be delivered first."""


class Sender:
    """Delivers posted entries. Each run has a queue, which is delivered in order and as a whole.

    A delivery that fails is repeated later, whole, together with what was added since. Other runs
    do not wait for it.

    Args:
        deliver: sends the entries of one run to MLflow.
        keep: called at the start of each round, to make the entries safe before they are sent.
    """

    def __init__(self, deliver: Deliver, keep: Callable[[], None]) -> None:
        self._deliver = deliver
        self._keep = keep
        self._queues: dict[str, list[Entry]] = {}
        self._changed = threading.Condition()
        self._started = self._finished = 0
        self._urgent = self._closing = False
        self._error: Exception | None = None
        self._failures = 0
        self._round_seconds = 0.0
        self._thread = threading.Thread(target=self._work, name="besom-record", daemon=True)
        self._thread.start()

    def post(self, run_id: str, entries: Sequence[Entry]) -> None:
        """Have entries delivered soon; returns at once."""
        with self._changed:
            self._queues.setdefault(run_id, []).extend(entries)
            self._changed.notify_all()

    @property
    def error(self) -> Exception | None:
        """The first error of the last round, None where it succeeded."""
        with self._changed:
            return self._error

    def flush(self) -> None:
        """Wait until all posted entries have been delivered; raise the error that prevented it."""
        with self._changed:
            if not self._queues or self._closing:
                return
            self._urgent = True
            self._changed.notify_all()
            round_to_await = self._started + 1
            self._changed.wait_for(lambda: self._finished >= round_to_await)
            if self._error:
                raise self._error

    def close(self) -> None:
        """Deliver what is left and end the thread; raise the error that prevented the delivery."""
        try:
            self.flush()
        finally:
            with self._changed:
                self._closing = True
                self._changed.notify_all()
            self._thread.join()

    def _work(self) -> None:
        while self._await_work():
            self._deliver_all()

    def _await_work(self) -> bool:
        """Wait for something to deliver, gather a little more, and return whether to go on."""
        with self._changed:
            self._changed.wait_for(lambda: self._queues or self._urgent or self._closing)
            self._changed.wait_for(lambda: self._urgent or self._closing, self._pause())
            self._urgent = False
            return not self._closing

    def _pause(self) -> float:
        if not self._failures:
            return min(max(GATHER_SECONDS, REST * self._round_seconds), MAX_GATHER_SECONDS)
        return RETRY_SECONDS[min(self._failures, len(RETRY_SECONDS)) - 1]

    def _deliver_all(self) -> None:
        with self._changed:
            self._started += 1
            batches = {run_id: list(entries) for run_id, entries in self._queues.items()}
        began = time.monotonic()
        errors = self._keep_all()
        waiting: dict[str, list[Entry]] = {}
        for run_id, batch in batches.items():
            # A store that is down makes each delivery wait for a timeout, so the round ends early.
            if len(errors) < FAILURES_PER_ROUND:
                failed = self._deliver_one(run_id, batch)
                if any(isinstance(error, NotYet) for error in failed):
                    waiting[run_id] = batch
                else:
                    errors += failed
        for run_id, batch in waiting.items():
            if len(errors) < FAILURES_PER_ROUND:
                errors += self._deliver_one(run_id, batch)
        if errors and not self._failures:
            _logger.warning(
                "the record is kept on disk until MLflow takes it: %s", reason(errors[0])
            )
        self._round_seconds = time.monotonic() - began
        with self._changed:
            self._finished = self._started
            self._error = errors[0] if errors else None
            self._failures = self._failures + 1 if errors else 0
            self._changed.notify_all()

    def _keep_all(self) -> list[Exception]:
        try:
            self._keep()
        except Exception as error:
            return [error]
        return []

    def _deliver_one(self, run_id: str, batch: list[Entry]) -> list[Exception]:
        """Deliver a batch, and return its error. The run then goes to the end of the queue."""
        errors: list[Exception] = []
        delivered = len(batch)
        try:
            self._deliver(run_id, batch)
        except Exception as error:
            errors, delivered = [error], 0
        with self._changed:
            if rest := self._queues.pop(run_id)[delivered:]:
                self._queues[run_id] = rest
        return errors
