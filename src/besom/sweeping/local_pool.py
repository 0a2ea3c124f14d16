"""Workers as processes of this machine, each replaced when it has grown too large."""

import logging
import time
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path

from besom.cores import cores
from besom.sweeping.protocol import Died, Event, FromWorker, Outcome, Ready, ToWorker
from besom.sweeping.worker_process import WorkerProcess

GROWTH_LIMIT = 1 << 30
"""Bytes. TensorFlow keeps about 14 MB of each program that a process has run, and cannot free
them (docs/decisions/009); other libraries leak too."""

log = logging.getLogger(__name__)


@dataclass
class _Member:
    """A worker, and the bytes that it took after its first trial, 0 until then."""

    process: WorkerProcess
    first_memory: int = 0


@dataclass
class _Successor:
    """A process that warms up beside the worker whose place it will take."""

    worker: int
    process: WorkerProcess


class LocalPool:
    """Spawned processes; threads of each are capped at cores ÷ workers before anything loads.

    A worker that has grown by more than ``growth_limit`` bytes since its first trial gets a
    successor, which takes its place between two trials once it is ready. Nothing waits for it, and
    no caller sees it. One successor starts at a time.
    """

    def __init__(
        self, size: int, payload: bytes, log_folder: Path, growth_limit: int = GROWTH_LIMIT
    ) -> None:
        self._payload = payload
        self._log_folder = log_folder
        self._threads = max(1, cores() // size)
        self._growth_limit = growth_limit
        self._workers: dict[int, _Member] = {}
        self._successor: _Successor | None = None
        self._retired: list[WorkerProcess] = []

    def start(self, worker_id: int) -> None:
        if worker_id in self._workers:
            return
        process = self._take_successor(worker_id) or self._spawn(worker_id)
        self._workers[worker_id] = _Member(process)

    def send(self, worker_id: int, message: ToWorker) -> None:
        self._workers[worker_id].process.send(message)

    def has_word(self, worker_id: int) -> bool:
        return self._workers[worker_id].process.has_word()

    def end(self, worker_id: int, cause: str) -> None:
        self._workers[worker_id].process.end(cause)

    def next_event(self, timeout: float) -> Event | None:
        deadline = time.monotonic() + timeout
        while not (event := self._look(deadline)) and time.monotonic() < deadline:
            pass  # a part of a message has come
        return event

    def stop(self) -> None:
        processes = [*self._retired, *(member.process for member in self._workers.values())]
        if self._successor:
            processes.append(self._successor.process)
        for process in processes:
            process.kill()
        for process in processes:
            process.bury()
        self._workers.clear()
        self._retired.clear()
        self._successor = None

    def _spawn(self, worker_id: int) -> WorkerProcess:
        log_file = self._log_folder / f"worker-{worker_id}.log"
        name = f"besom-worker-{worker_id}"
        return WorkerProcess(name, self._payload, log_file, self._threads)

    def _look(self, deadline: float) -> Event | None:
        """What the first has to say of whom something is heard until ``deadline``."""
        members = list(self._workers.values())
        if any(member.process.has_message() for member in members):
            deadline = 0.0
        seconds = max(0.0, deadline - time.monotonic())
        ready = wait([member.process.connection for member in members], seconds)
        for worker_id, member in self._workers.items():
            process = member.process
            # What a dead worker has forked may keep its pipe open, so the process is asked too.
            speaks = process.connection in ready or process.has_message()
            if (speaks or not process.is_alive()) and (message := process.receive()):
                return self._heard(worker_id, member, message)
        return None

    def _heard(self, worker_id: int, member: _Member, message: FromWorker) -> Event:
        del self._workers[worker_id]
        if not isinstance(message, Died):
            self._workers[worker_id] = member  # the last now: next time the others are first
        if isinstance(message, Outcome):
            self._renew(worker_id, member, message.memory)
        return Event(worker_id, message)

    # -- successors ------------------------------------------------------------------------------

    def _renew(self, worker_id: int, member: _Member, memory: int) -> None:
        """Between two trials of a worker: begin to replace it, or replace it, where it is time."""
        self._bury_retired()
        member.first_memory = member.first_memory or memory
        if self._successor is None and memory - member.first_memory > self._growth_limit:
            for process in self._retired:
                process.kill()  # something that a task has started keeps it
            self._successor = _Successor(worker_id, self._spawn(worker_id))
        elif self._successor and self._successor.worker == worker_id:
            self._replace(member, memory)

    def _replace(self, member: _Member, memory: int) -> None:
        assert self._successor
        worker_id, process = self._successor.worker, self._successor.process
        if (message := process.receive()) is None:
            return  # still on its way
        self._successor = None
        if isinstance(message, Ready):
            self._workers[worker_id] = _Member(process)
            self._retired.append(member.process)
            member.process.retire()
        else:
            log.warning("worker %d goes on as large as it is: its successor died", worker_id)
            member.first_memory = memory  # tried again when it has grown as much again

    def _take_successor(self, worker_id: int) -> WorkerProcess | None:
        """The successor of a worker that has died; it says by itself when it is ready."""
        if self._successor is None or self._successor.worker != worker_id:
            return None
        process, self._successor = self._successor.process, None
        return process

    def _bury_retired(self) -> None:
        for process in [process for process in self._retired if not process.is_alive()]:
            process.bury()
            self._retired.remove(process)
