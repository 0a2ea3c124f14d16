"""Calls a sweep's callbacks in a thread, so that none delays the supervisor."""

import threading
import traceback
from collections.abc import Sequence
from queue import SimpleQueue
from types import TracebackType

from besom.common.addresses import mask
from besom.common.errors import UserError
from besom.common.stdout import say
from besom.sweep.callbacks.base import Callback
from besom.sweep.callbacks.rows import (
    StudyEnded,
    StudyStarted,
    TrialEnded,
    TrialReported,
    TrialStarted,
    VerdictReached,
)

MOST_WAITING = 10_000
"""Rows that may wait. Further reports are left out; other rows, one or two a trial, never are."""
DRAIN_SECONDS = 30.0
"""How long a sweep waits for its callbacks after its end."""

Row = StudyStarted | TrialStarted | TrialReported | TrialEnded | VerdictReached | StudyEnded

METHODS: dict[type[Row], str] = {
    StudyStarted: "on_study_start",
    TrialStarted: "on_trial_start",
    TrialReported: "on_report",
    TrialEnded: "on_trial_end",
    VerdictReached: "on_verdict",
    StudyEnded: "on_study_end",
}


class CallbackQueue:
    """The rows that wait for the callbacks; true if there are any callbacks.

    Args:
        callbacks: called one after another with each row, the rows in their order.
    """

    def __init__(self, callbacks: Sequence[Callback] = ()) -> None:
        self._callbacks = callbacks
        self._waiting: SimpleQueue[Row | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._complained: set[int] = set()
        self._open: dict[str, TrialStarted] = {}
        self._n_left_out = 0

    def __bool__(self) -> bool:
        return bool(self._callbacks)

    def put(self, row: Row) -> None:
        """Queue a row for the callbacks."""
        if not self._callbacks:
            return
        if isinstance(row, TrialReported) and self._waiting.qsize() >= MOST_WAITING:
            self._n_left_out += 1
            return
        if isinstance(row, TrialStarted):
            self._open[row.run_id] = row
        if isinstance(row, TrialEnded):
            self._open.pop(row.run_id, None)
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="callbacks", daemon=True)
            self._thread.start()
        self._waiting.put(row)

    def started(self, run_id: str) -> TrialStarted:
        """Return the row of an attempt that has begun in this process."""
        return self._open[run_id]

    def close(self, seconds: float = DRAIN_SECONDS) -> None:
        """Wait until all rows are told, at most ``seconds``; print how many were not."""
        if self._thread is None:
            return
        self._waiting.put(None)
        self._thread.join(seconds)
        if self._thread.is_alive():
            n_waiting = self._waiting.qsize()  # plus the one being told, minus the None
            say(
                f"besom: hydra.sweeper.callbacks have not ended within {seconds:g} s; "
                f"{n_waiting} rows are not delivered"
            )
        if self._n_left_out:
            say(
                f"besom: hydra.sweeper.callbacks were too slow for {self._n_left_out} reports, "
                "which they were not told"
            )

    def _work(self) -> None:
        while (row := self._waiting.get()) is not None:
            for callback in self._callbacks:
                try:
                    getattr(callback, METHODS[type(row)])(row)
                except BaseException as error:  # sys.exit would end the thread
                    self._complain(callback, METHODS[type(row)], error)

    def _complain(self, callback: Callback, method: str, error: BaseException) -> None:
        """Print the first error of a callback only: the next row would often cause it again."""
        if id(callback) in self._complained:
            return
        self._complained.add(id(callback))
        if not isinstance(error, UserError):
            shown = traceback.format_exception(error.with_traceback(_theirs(error)))
            say(mask("".join(shown).rstrip()))
        reason = str(error) if isinstance(error, UserError) else "has raised what stands above"
        goes_on = "; the sweep goes on, and nothing more is said of this callback"
        is_over = method == METHODS[StudyEnded]
        said = f"besom: callback {type(callback).__name__}.{method}: {reason}"
        say(said if is_over else f"{said}{goes_on}")


def _theirs(error: BaseException) -> TracebackType | None:
    """Return the traceback without the frame that called the callback."""
    return error.__traceback__ and error.__traceback__.tb_next
