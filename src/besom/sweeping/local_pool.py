"""Workers as processes of this machine, each ended when it has grown too large."""

import time
from multiprocessing.connection import wait
from pathlib import Path

from besom.cores import cores
from besom.sweeping.protocol import Died, Event, FromWorker, Outcome, ToWorker
from besom.sweeping.worker_process import WorkerProcess

GROWTH_LIMIT = 1 << 30
"""Bytes. TensorFlow keeps about 14 MB of each program that a process has run, and cannot free
them (docs/decisions/009); other libraries leak too."""


class LocalPool:
    """Spawned processes; threads of each are capped at cores ÷ workers before anything loads.

    A worker that has grown by more than ``growth_limit`` bytes since its first trial is ended after
    the outcome that says so (:attr:`~besom.sweeping.protocol.Outcome.is_last`).
    """

    def __init__(
        self, size: int, payload: bytes, log_folder: Path, growth_limit: int = GROWTH_LIMIT
    ) -> None:
        self._payload = payload
        self._log_folder = log_folder
        self._threads = max(1, cores() // size)
        self._growth_limit = growth_limit
        self._workers: dict[int, WorkerProcess] = {}

    def start(self, worker_id: int) -> None:
        if worker_id in self._workers:
            return
        log_file = self._log_folder / f"worker-{worker_id}.log"
        self._workers[worker_id] = WorkerProcess(
            f"besom-worker-{worker_id}", self._payload, log_file, self._threads, self._growth_limit
        )

    def send(self, worker_id: int, message: ToWorker) -> None:
        self._workers[worker_id].send(message)

    def has_word(self, worker_id: int) -> bool:
        return self._workers[worker_id].has_word()

    def end(self, worker_id: int, cause: str) -> None:
        self._workers[worker_id].end(cause)

    def next_event(self, timeout: float) -> Event | None:
        deadline = time.monotonic() + timeout
        while not (event := self._look(deadline)) and time.monotonic() < deadline:
            pass  # a part of a message has come
        return event

    def stop(self) -> None:
        for process in self._workers.values():
            process.kill()
        for process in self._workers.values():
            process.bury()
        self._workers.clear()

    def _look(self, deadline: float) -> Event | None:
        """What the first has to say of whom something is heard until ``deadline``."""
        if any(process.has_message() for process in self._workers.values()):
            deadline = 0.0
        seconds = max(0.0, deadline - time.monotonic())
        ready = wait([process.connection for process in self._workers.values()], seconds)
        for worker_id, process in self._workers.items():
            # What a dead worker has forked may keep its pipe open, so the process is asked too.
            speaks = process.connection in ready or process.has_message()
            if (speaks or not process.is_alive()) and (message := process.receive()):
                return self._heard(worker_id, process, message)
        return None

    def _heard(self, worker_id: int, process: WorkerProcess, message: FromWorker) -> Event:
        del self._workers[worker_id]
        if not isinstance(message, Died):
            self._workers[worker_id] = process  # the last now: next time the others are first
        if isinstance(message, Outcome) and message.is_last:
            process.kill()
        return Event(worker_id, message)
