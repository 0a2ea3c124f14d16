"""Workers in this process, one job at a time: for tests, debuggers and notebooks."""

import queue
import threading
from collections.abc import Callable
from typing import Any

from besom.app.hooks import hooks_of
from besom.app.job import JobRunner
from besom.workers.messages import Event, FromWorker, Ready, ToWorker, WorkerExited
from besom.workers.trial import run_trial


class InlinePool:
    """Workers that are threads. Only one of them has a job at a time, because Hydra has only one
    configuration in a process. Nothing is isolated: a task that kills its process kills the sweep,
    its changes stay for the next task, and a task whose worker is ended stops at its next message.
    """

    def __init__(self, app: JobRunner, size: int) -> None:
        self._app = app
        self._size = size
        self._turn = threading.Lock()
        self._workers: dict[int, _InlineWorker] = {}
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()

    def connect(self) -> None:
        pass

    def room(self) -> int:
        return self._size

    def resize(self, size: int) -> None:
        self._size = size

    def start(self, worker: int) -> None:
        if worker not in self._workers:
            self._workers[worker] = _InlineWorker(
                self._app, self._turn, lambda message: self._events.put(Event(worker, message))
            )

    def send(self, worker: int, message: ToWorker) -> None:
        self._workers[worker].inbox.put(message)

    def end(self, worker: int, cause: str) -> None:
        self._workers[worker].end(cause)

    def next_event(self, timeout: float) -> Event | None:
        try:
            event = self._events.get(timeout=timeout)
        except queue.Empty:
            return None
        if isinstance(event.message, WorkerExited):
            del self._workers[event.worker]
        return event

    def stop(self) -> None:
        for worker in self._workers.values():
            worker.end("stopped")
        for worker in self._workers.values():
            worker.thread.join()
        self._workers.clear()
        self._events = queue.SimpleQueue()


class _InlineWorker:
    """A thread that runs jobs, and the pipe through which they send and receive."""

    def __init__(
        self, app: JobRunner, turn: threading.Lock, on_message: Callable[[FromWorker], None]
    ) -> None:
        self.inbox: queue.SimpleQueue[ToWorker | None] = queue.SimpleQueue()
        self._app = app
        self._turn = turn
        self._on_message = on_message
        self._sending = threading.Lock()
        self._is_ended = False
        self.thread = threading.Thread(target=self._run, name="besom-inline-worker", daemon=True)
        self.thread.start()

    def send(self, message: FromWorker) -> None:
        with self._sending:
            if self._is_ended:
                raise _Ended
            self._on_message(message)

    def receive(self) -> Any:
        message = self.inbox.get()
        if message is None:
            raise _Ended
        return message

    def end(self, cause: str) -> None:
        """Report that the worker has exited; nothing is sent after this."""
        with self._sending:
            if not self._is_ended:
                self._is_ended = True
                self._on_message(WorkerExited(cause))
        self.inbox.put(None)

    def _run(self) -> None:
        try:
            hooks_of(self._app.task).prepare()
            self.send(Ready())
            while True:
                assignment = self.receive()
                with self._turn:
                    outcome = run_trial(self._app, assignment, self, is_used=False)
                self.send(outcome)
        except _Ended:
            pass
        except BaseException as error:
            self.end(f"ended with {type(error).__name__}: {error}")


class _Ended(BaseException):
    """The pool has ended this worker."""
