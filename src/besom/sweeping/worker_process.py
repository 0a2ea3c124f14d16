"""A worker as a process of this machine, at the end of a pipe."""

import multiprocessing
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from pathlib import Path

from besom.folders import make_private
from besom.sweeping import out_of_memory, worker
from besom.sweeping.frames import Inbox
from besom.sweeping.main_module import kept_from_multiprocessing
from besom.sweeping.protocol import Died, FromWorker, ToWorker
from besom.sweeping.signals import ENDING

THREAD_VARIABLES = (
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
)


class WorkerProcess:
    """Spawned, never forked; its threads are capped before anything loads.

    Args:
        payload: the application, see :func:`besom.sweeping.application.dump`.
        log_file: receives all that it prints.
        threads: how many one operation may use.
        growth_limit: see :func:`besom.sweeping.worker.main`.
    """

    def __init__(
        self, name: str, payload: bytes, log_file: Path, threads: int, growth_limit: int
    ) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe(duplex=True)
        self._inbox = Inbox(self.connection)
        # Never written to: that the leash closes, with this process, ends the worker.
        far_end, self._leash = context.Pipe(duplex=False)
        self._ended_for = ""
        self._memory_kills = out_of_memory.kills()
        make_private(log_file.parent)
        self._process = context.Process(
            target=worker.main,
            args=(theirs, far_end, payload, str(log_file), growth_limit),
            name=name,
        )
        variables = dict.fromkeys(THREAD_VARIABLES, str(threads))
        with _signals_held(), _environment(variables), kept_from_multiprocessing():
            self._process.start()
        theirs.close()
        far_end.close()

    def is_alive(self) -> bool:
        return self._process.is_alive()

    def send(self, message: ToWorker) -> None:
        # A worker that has just died shows when something is received.
        with suppress(BrokenPipeError, ConnectionResetError):
            self.connection.send(message)

    def has_message(self) -> bool:
        """Whether :meth:`receive` has something to give without looking into the pipe."""
        return self._inbox.has_message or self._inbox.spoiled

    def has_word(self) -> bool:
        """Whether it has said something, or a part of it, that was still to be read."""
        return self._inbox.has_message or self._inbox.fill()

    def receive(self) -> FromWorker | None:
        """The next that it has said, None where the end of that is on its way.

        Where nothing more will come, it has died, and is buried; half a message is none then.
        """
        is_alive = self.is_alive()  # asked first: it may say something and die then
        message = self._inbox.take()
        while message is None and self._inbox.fill():
            message = self._inbox.take()
            if is_alive:
                break  # others have their turn
        if message is not None:
            return message
        if self._inbox.spoiled:
            self.end("wrote something else than messages to its pipe")
        elif is_alive and not self._inbox.ended:
            return None
        self._process.join(timeout=0.5)  # its own exit code, where it ended by itself
        self.kill()
        self.bury()
        return Died(self._ended_for or self._cause())

    def kill(self) -> None:
        """End it and all that it has started: they share its process group."""
        assert self._process.pid is not None
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()  # it may not have made its own group yet

    def end(self, cause: str) -> None:
        """Kill it for a reason that its exit code does not tell."""
        self._ended_for = self._ended_for or cause
        self.kill()

    def bury(self) -> None:
        """Wait for its end, and let go of the leash, so that all that it has started ends too."""
        self._process.join()
        self.connection.close()
        self._leash.close()

    def _cause(self) -> str:
        code = self._process.exitcode
        if code is None or code >= 0:
            return f"ended with exit code {code}"
        killed = f"was killed by {signal.Signals(-code).name}"
        if code == -signal.SIGKILL and out_of_memory.kills() > self._memory_kills:
            return f"{killed}: the system has run out of memory"
        return killed


@contextmanager
def _signals_held() -> Iterator[None]:
    """Ctrl-C meanwhile reaches us later, and the child, which inherits the mask, never."""
    resource_tracker.ensure_running()  # to start it later would let them through
    held = set(ENDING)
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
