"""Workers as processes of this machine, each at the end of a pipe."""

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path

from besom.sweeping import worker
from besom.sweeping.protocol import Died, Event, ToWorker

THREAD_VARIABLES = (
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
)


@dataclass
class _Worker:
    process: SpawnProcess
    connection: Connection


class LocalPool:
    """Spawned processes; threads of each are capped at cores ÷ workers before anything loads."""

    def __init__(self, size: int, payload: bytes, log_folder: Path) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._payload = payload
        self._log_folder = log_folder
        self._threads = max(1, len(os.sched_getaffinity(0)) // size)
        self._workers: dict[int, _Worker] = {}

    def start(self, worker_id: int) -> None:
        self._log_folder.mkdir(parents=True, exist_ok=True)
        ours, theirs = self._context.Pipe(duplex=True)
        log_file = str(self._log_folder / f"worker-{worker_id}.log")
        process = self._context.Process(
            target=worker.main,
            args=(theirs, os.getpid(), self._payload, log_file),
            name=f"besom-worker-{worker_id}",
            daemon=True,
        )
        threads = dict.fromkeys(THREAD_VARIABLES, str(self._threads))
        with _signals_held(), _environment(threads):
            process.start()
        theirs.close()
        self._workers[worker_id] = _Worker(process, ours)

    def send(self, worker_id: int, message: ToWorker) -> None:
        # A worker that has just died shows in next_event.
        with suppress(BrokenPipeError, ConnectionResetError):
            self._workers[worker_id].connection.send(message)

    def next_event(self, timeout: float) -> Event | None:
        by_connection = {member.connection: key for key, member in self._workers.items()}
        if not by_connection:
            time.sleep(timeout)
            return None
        for connection in wait(list(by_connection), timeout):
            assert isinstance(connection, Connection)
            return self._receive(by_connection[connection], connection)
        return None

    def stop(self) -> None:
        for member in self._workers.values():
            _kill(member.process)
        for member in self._workers.values():
            member.process.join()
            member.connection.close()
        self._workers.clear()

    def _receive(self, worker_id: int, connection: Connection) -> Event:
        """A message, or, where the pipe has closed, what became of the process."""
        try:
            return Event(worker_id, connection.recv())
        except (EOFError, OSError):
            process = self._workers.pop(worker_id).process
            process.join(timeout=0.5)  # its own exit code, where it ended by itself
            _kill(process)
            process.join()
            connection.close()
            return Event(worker_id, Died(_cause(process.exitcode)))


def _kill(process: SpawnProcess) -> None:
    """End a worker and all that it has started: they share its process group."""
    assert process.pid is not None
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()  # it may not have made its own group yet


def _cause(exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        return f"killed by {signal.Signals(-exit_code).name}"
    return f"ended with exit code {exit_code}"


@contextmanager
def _signals_held() -> Iterator[None]:
    """Ctrl-C meanwhile reaches us later, and the child, which inherits the mask, never."""
    held = {signal.SIGINT, signal.SIGTERM}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, held)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Variables for a child; those that the user has set himself stay."""
    added = {key: value for key, value in values.items() if key not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for key in added:
            del os.environ[key]
