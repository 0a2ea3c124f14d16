"""The thread that sends entries to MLflow, off the callers' path."""

import logging
import threading
import time
from collections.abc import Callable, Sequence

from besom.tracking.client import reason
from besom.tracking.outbox.entries import Entry

# A delivery costs much the same whatever it holds: where there are many runs, more is gathered.
GATHER_SECONDS = 0.2
MAX_GATHER_SECONDS = 10.0
REST = 2.0
FAILURES_PER_ROUND = 3
RETRY_SECONDS = (1.0, 2.0, 5.0, 10.0, 30.0)

_logger = logging.getLogger(__name__)

Deliver = Callable[[str, Sequence[Entry]], None]


class Refused(Exception):
    """What a delivery raises when it would be useless to repeat it."""


class NotYet(OSError):
    """What a delivery raises when another run's entries have to be delivered first."""


class Sender:
    """Delivers what is posted: a queue for each run, whose entries go in order and at once.

    A delivery that fails is repeated later, whole, together with what was added since. Other runs
    do not wait for it.

    Args:
        keep: called at the start of each round: what it delivers is to be safe first.
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
        """What the last round failed of, if it failed."""
        with self._changed:
            return self._error

    def flush(self) -> None:
        """Wait until all that was posted has been delivered; raise what prevented it."""
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
        """Deliver what is left, end the thread, raise what could not be delivered."""
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
        """Sleep until there is something to deliver, gather a little more, say whether to go on."""
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
            # A store that is away makes each delivery wait for a timeout: enough is enough.
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
            _logger.warning("the record waits, and is kept on disk: %s", reason(errors[0]))
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
        """Deliver a batch; whether or not it went well, other runs are first next time."""
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
