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
    """``leash`` is never written to: that it closes, with this process, ends the worker."""

    process: SpawnProcess
    connection: Connection
    leash: Connection


class LocalPool:
    """Spawned processes; threads of each are capped at cores ÷ workers before anything loads."""

    def __init__(self, size: int, payload: bytes, log_folder: Path) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._payload = payload
        self._log_folder = log_folder
        self._threads = max(1, _cores() // size)
        self._workers: dict[int, _Worker] = {}

    def start(self, worker_id: int) -> None:
        self._log_folder.mkdir(parents=True, exist_ok=True)
        ours, theirs = self._context.Pipe(duplex=True)
        far_end, leash = self._context.Pipe(duplex=False)
        log_file = str(self._log_folder / f"worker-{worker_id}.log")
        process = self._context.Process(
            target=worker.main,
            args=(theirs, far_end, self._payload, log_file),
            name=f"besom-worker-{worker_id}",
        )
        threads = dict.fromkeys(THREAD_VARIABLES, str(self._threads))
        with _signals_held(), _environment(threads):
            process.start()
        theirs.close()
        far_end.close()
        self._workers[worker_id] = _Worker(process, ours, leash)

    def send(self, worker_id: int, message: ToWorker) -> None:
        # A worker that has just died shows in next_event.
        with suppress(BrokenPipeError, ConnectionResetError):
            self._workers[worker_id].connection.send(message)

    def next_event(self, timeout: float) -> Event | None:
        if not self._workers:
            time.sleep(timeout)
            return None
        ready = wait([member.connection for member in self._workers.values()], timeout)
        for worker_id, member in self._workers.items():
            # What a dead worker has forked may keep its pipe open, so the process is asked too.
            if member.connection in ready or not member.process.is_alive():
                return self._receive(worker_id, member)
        return None

    def stop(self) -> None:
        for member in self._workers.values():
            _kill(member.process)
        for worker_id in list(self._workers):
            self._bury(worker_id)

    def _receive(self, worker_id: int, member: _Worker) -> Event:
        """A message, or, where none is left, what became of the process."""
        try:
            if member.connection.poll():
                return Event(worker_id, member.connection.recv())
        except (EOFError, OSError):
            member.process.join(timeout=0.5)  # its own exit code, where it ended by itself
        _kill(member.process)
        self._bury(worker_id)
        return Event(worker_id, Died(_cause(member.process.exitcode)))

    def _bury(self, worker_id: int) -> None:
        member = self._workers.pop(worker_id)
        member.process.join()
        member.connection.close()
        member.leash.close()


def _kill(process: SpawnProcess) -> None:
    """End a worker and all that it has started: they share its process group."""
    assert process.pid is not None
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()  # it may not have made its own group yet


def _cores() -> int:
    """The cores that this process may use, where the system tells."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _cause(exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        return f"was killed by {signal.Signals(-exit_code).name}"
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
