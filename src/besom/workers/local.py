"""Workers as processes of this machine, each replaced when it is over its memory limit."""

import queue
from pathlib import Path

from besom.common.interpreter import cores
from besom.workers.messages import Event, Outcome, ToWorker, WorkerExited
from besom.workers.process import WorkerProcess

GROWTH_LIMIT = 1 << 30
"""Bytes. TensorFlow keeps about 14 MB of each program that a process has run, and cannot free
them (docs/decisions/009); other libraries leak too."""


class LocalPool:
    """Spawned processes; threads of each are capped at cores ÷ workers before anything loads.

    A worker that has grown by more than ``growth_limit`` bytes since its first trial is ended after
    the outcome that says so (:attr:`~besom.workers.messages.Outcome.is_last`).
    """

    def __init__(
        self, size: int, payload: bytes, log_folder: Path, growth_limit: int = GROWTH_LIMIT
    ) -> None:
        self._payload = payload
        self._log_folder = log_folder
        self._threads = max(1, cores() // size)
        self._growth_limit = growth_limit
        self._workers: dict[int, WorkerProcess] = {}
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()

    def start(self, worker_id: int) -> None:
        if worker_id in self._workers:
            return
        self._workers[worker_id] = WorkerProcess(
            f"besom-worker-{worker_id}",
            lambda message: self._events.put(Event(worker_id, message)),
            self._payload,
            self._log_folder / f"worker-{worker_id}.log",
            self._threads,
            self._growth_limit,
        )

    def send(self, worker_id: int, message: ToWorker) -> None:
        self._workers[worker_id].send(message)

    def end(self, worker_id: int, cause: str) -> None:
        self._workers[worker_id].end(cause)

    def next_event(self, timeout: float) -> Event | None:
        try:
            event = self._events.get(timeout=timeout)
        except queue.Empty:
            return None
        match event.message:
            case WorkerExited():
                self._workers.pop(event.worker).reap()
            case Outcome(is_last=True):
                self._workers[event.worker].kill()
        return event

    def stop(self) -> None:
        for process in self._workers.values():
            process.kill()
        for process in self._workers.values():
            process.reap()
        self._workers.clear()
        self._events = queue.SimpleQueue()
