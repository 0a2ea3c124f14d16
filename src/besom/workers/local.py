"""Runs workers as processes of this machine, each connected by a pipe.

A worker is replaced when it exceeds its memory limit.
"""

import multiprocessing
import os
import pickle
import queue
import signal
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from enum import Enum, auto
from pathlib import Path

from besom.app.modules.main_module import kept_from_multiprocessing
from besom.common.files import make_private
from besom.workers import resources, worker
from besom.workers.messages import (
    LONGEST,
    TOLD,
    Assignment,
    Event,
    Exit,
    FromWorker,
    Outcome,
    Ready,
    Told,
    ToWorker,
    WorkerExited,
)
from besom.workers.overwritten import Overwriting
from besom.workers.pool import log_file
from besom.workers.resources import (
    GROWTH_LIMIT,
    NOTHING_SAID,
    Resources,
    environment_set,
    worker_environment,
)
from besom.workers.signals import signals_held

EXIT_SECONDS = 3.0
"""Seconds within which a worker without a job exits by itself: files are written out, and
``atexit`` functions run. It is killed then."""


class LocalPool:
    """A pool of spawned processes. Before anything loads, threads are capped and GPUs chosen.

    A worker that has grown by more than ``growth_limit`` bytes since its first trial exits after
    the outcome that says so (:attr:`~besom.workers.messages.Outcome.is_last`).

    Args:
        size: how many workers share the machine.
        payload: the application, see :func:`besom.app.job.dump`.
        resources: of each worker; there must be :func:`~besom.workers.resources.room` for all.
    """

    def __init__(
        self,
        size: int,
        payload: bytes,
        log_folder: Path,
        growth_limit: int = GROWTH_LIMIT,
        resources: Resources = NOTHING_SAID,
    ) -> None:
        self._size = size
        self._payload = payload
        self._log_folder = log_folder
        self._resources = resources
        self._growth_limit = growth_limit
        self._workers: dict[int, _WorkerProcess] = {}
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._overwriting = Overwriting()

    def connect(self) -> None:
        pass

    def room(self) -> int:
        return self._size

    def resize(self, size: int) -> None:
        self._size = size

    def start(self, worker_id: int) -> None:
        if worker_id in self._workers:
            return
        self._workers[worker_id] = _WorkerProcess(
            f"besom-worker-{worker_id}",
            lambda message: self._events.put(Event(worker_id, message)),
            self._payload,
            log_file(self._log_folder, worker_id),
            worker_environment(self._resources, self._size, worker_id),
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
            case WorkerExited() if process := self._workers.pop(event.worker, None):
                process.reap()
            case Ready() if process := self._workers.get(event.worker):
                process.phase = _Phase.IDLE
            case Outcome() as outcome if process := self._workers.get(event.worker):
                if outcome.is_last:
                    process.let_exit()
                else:
                    process.phase = _Phase.IDLE
                remark = self._overwriting.remark(process.assigned_at, outcome.overwritten)
                event = replace(event, message=replace(outcome, remark=remark))
        return event

    def stop(self) -> None:
        """Let the workers exit by themselves if none has a job; otherwise kill them all at once."""
        processes = list(self._workers.values())  # on Ray another thread may wait for events
        is_at_once = any(process.phase is _Phase.BUSY for process in processes)
        for process in processes:
            if is_at_once or process.phase is _Phase.STARTING:
                process.kill()
            else:
                process.let_exit()
        for process in processes:
            process.reap()
        self._workers.clear()
        self._events = queue.SimpleQueue()


class _Phase(Enum):
    """What a worker is doing."""

    STARTING = auto()
    IDLE = auto()
    BUSY = auto()
    EXITING = auto()


class _WorkerProcess:
    """A worker's process: spawned, never forked; its threads are capped before anything loads.

    One thread reads its messages, and another waits for its death. The last message is always
    ``WorkerExited``; :meth:`reap` must be called after it.

    Args:
        on_message: called by the reading thread with each message as soon as it is complete.
        payload: the application, see :func:`besom.app.job.dump`; it is sent first.
        log_file: receives everything that the process prints.
        variables: of its environment.
        growth_limit: see :func:`besom.workers.worker.main`.
    """

    def __init__(
        self,
        name: str,
        on_message: Callable[[FromWorker], None],
        payload: bytes,
        log_file: Path,
        variables: Mapping[str, str],
        growth_limit: int,
    ) -> None:
        self.phase, self.assigned_at = _Phase.STARTING, 0.0
        self._on_message = on_message
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe(duplex=True)
        # Never written to: the pipe closes when this process ends, and that ends the worker.
        far_end, self._watchdog_pipe = context.Pipe(duplex=False)
        self._ended_for = ""
        self._memory_kills = resources.out_of_memory_kills()
        make_private(log_file.parent)
        self._process = context.Process(
            target=worker.main,
            args=(theirs, far_end, str(log_file), growth_limit),
            name=name,
        )
        with signals_held(), environment_set(variables), kept_from_multiprocessing():
            self._process.start()
        theirs.close()
        far_end.close()
        self._reader = threading.Thread(target=self._read, name=f"{name}-reader", daemon=True)
        self._waiter = threading.Thread(target=self._wait, name=f"{name}-waiter", daemon=True)
        self._waiter.start()
        self._reader.start()
        # Not passed as an argument: if a process dies before it has read its arguments, and they
        # are more than a pipe holds, multiprocessing waits forever, with the signals held.
        self._send_bytes(payload)

    def send(self, message: ToWorker | Exit) -> None:
        if isinstance(message, Assignment):
            self.phase, self.assigned_at = _Phase.BUSY, time.monotonic()
        self._send_bytes(pickle.dumps(message))

    def _send_bytes(self, content: bytes) -> None:
        # The death of a worker is noticed when messages are received.
        with suppress(BrokenPipeError, ConnectionResetError):
            self._connection.send_bytes(content)

    def kill(self) -> None:
        """Kill the process and everything it has started, which shares its process group."""
        assert self._process.pid is not None
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()  # it may not have made its own group yet

    def end(self, cause: str) -> None:
        """End the process for a reason that its exit code does not tell."""
        self._ended_for = self._ended_for or cause
        if self.phase in (_Phase.IDLE, _Phase.EXITING):
            self.let_exit()
        else:
            self.kill()

    def let_exit(self) -> None:
        """Have the process exit by itself after its last job; kill it after ``EXIT_SECONDS``."""
        if self.phase is _Phase.EXITING:
            return
        if self.phase is _Phase.IDLE:
            self.send(Exit())
        self.phase = _Phase.EXITING
        threading.Thread(target=self._kill_late, daemon=True).start()

    def _kill_late(self) -> None:
        self._waiter.join(EXIT_SECONDS)
        if self._waiter.is_alive():
            self.kill()

    def reap(self) -> None:
        """Wait for the process to end, and have the watchdog end everything it has started."""
        self._reader.join()
        self._connection.close()
        self._watchdog_pipe.close()

    def _read(self) -> None:
        """Pass on the process' messages until its pipe ends, and finally its exit."""
        try:
            while (message := self._receive()) is not None:
                self._on_message(message)
        except ValueError:
            self.end("wrote something else than messages to its pipe")
        self._waiter.join(timeout=0.5)  # its own exit code, if it ended by itself
        self.kill()
        self._waiter.join()
        self._on_message(WorkerExited(self._ended_for or self._cause()))

    def _receive(self) -> FromWorker | None:
        """Wait for the next message; return None if the pipe has ended, even within a message.

        Raises:
            ValueError: something other than a message has come.
        """
        try:
            content = self._connection.recv_bytes(LONGEST)
        except (EOFError, OSError):
            if self._connection.readable:
                return None
            raise ValueError("longer than any message") from None
        try:
            message = pickle.loads(content)
        except Exception as error:  # bytes that are no pickle may raise anything
            raise ValueError("no pickle") from error
        if not isinstance(message, FromWorker):
            raise ValueError("no message")
        if isinstance(message, Told) and message.method not in TOLD:
            raise ValueError("no call that a task may make")
        return message

    def _wait(self) -> None:
        """Wait for the process to die, then end its pipe, which its forked children may keep open.

        The process' sentinel does not tell the death, because such children keep it open too.
        """
        self._process.join()
        while self._process.exitcode is None:  # another thread is reaping it
            time.sleep(0.01)
        descriptor = os.dup(self._connection.fileno())
        with socket.socket(fileno=descriptor) as pipe, suppress(OSError):
            pipe.shutdown(socket.SHUT_RD)  # what it has said before is still read

    def _cause(self) -> str:
        code = self._process.exitcode
        if code is None or code >= 0:
            return f"ended with exit code {code}"
        killed = f"was killed by {signal.Signals(-code).name}"
        if code == -signal.SIGKILL and resources.out_of_memory_kills() > self._memory_kills:
            return f"{killed}: the system has run out of memory"
        return killed
