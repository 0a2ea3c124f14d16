"""Restores the process state that a trial may have changed for those after it."""

import os
import resource
import signal
import sys
from types import FrameType
from typing import Any, TextIO

from omegaconf.basecontainer import BaseContainer

from besom.common.files import private

IMPORT = "<frozen importlib._bootstrap>"
LIMITS = [number for name, number in vars(resource).items() if name.startswith("RLIMIT_")]


class ProcessState:
    """The state of a worker's process before its first trial.

    Args:
        log_file: the file of its standard output and error.
    """

    def __init__(self, log_file: str) -> None:
        self._log_file = log_file
        self._limits = {number: resource.getrlimit(number) for number in LIMITS}
        self._folder = os.getcwd()
        self._environment = dict(os.environ)
        sys.addaudithook(self._hear)
        self._handlers = {number: signal.getsignal(number) for number in signal.valid_signals()}
        self._blocked = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        self._recursion = sys.getrecursionlimit()
        self._umask = os.umask(0o077)
        os.umask(self._umask)
        self._resolvers = dict(BaseContainer._resolvers)
        self._files = [_identity(descriptor) for descriptor in range(3)]
        self._streams = [sys.stdin, sys.stdout, sys.stderr]
        self._fluent = _client().fluent_state() if "mlflow" in sys.modules else None

    def restore(self) -> None:
        """Undo what a trial has changed. Environment variables that a module sets when it is
        imported stay, because a module is imported only once in a process.

        Raises:
            OSError, ValueError: something cannot be restored; run no further trial in the process.
        """
        sys.setrecursionlimit(max(self._recursion, sys.getrecursionlimit()))
        for number, limits in self._limits.items():
            if resource.getrlimit(number) != limits:
                resource.setrlimit(number, limits)
        os.umask(self._umask)
        os.chdir(self._folder)
        self._restore_signals()
        for descriptor in range(3):
            self._restore_stream(descriptor)
        if "mlflow" in sys.modules:
            client = _client()
            client.restore_fluent_state(self._fluent or client.FluentState())
        BaseContainer._resolvers.update(self._resolvers)
        self._restore_environment()  # last: MLflow's addresses are variables too

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "os.putenv" and _is_importing():
            name, value = map(os.fsdecode, arguments)
            self._environment[name] = value

    def _restore_signals(self) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in self._handlers.items():
            if handler is not None and signal.getsignal(number) is not handler:
                signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, self._blocked)

    def _restore_stream(self, descriptor: int) -> None:
        if _identity(descriptor) != self._files[descriptor]:
            self._reopen(descriptor)
        if _is_closed(self._streams[descriptor]):
            mode, errors = ("w", "backslashreplace") if descriptor else ("r", "strict")
            stream = open(descriptor, mode, encoding="utf-8", errors=errors, closefd=False)  # noqa: SIM115
            self._streams[descriptor] = stream
        sys.stdin, sys.stdout, sys.stderr = self._streams

    def _reopen(self, descriptor: int) -> None:
        if descriptor == 0:
            opened = os.open(os.devnull, os.O_RDONLY)
        else:
            opened = private(self._log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        if opened != descriptor:
            os.dup2(opened, descriptor)
            os.close(opened)
        os.set_inheritable(descriptor, True)
        self._files[descriptor] = _identity(descriptor)

    def _restore_environment(self) -> None:
        for name in os.environ.keys() - self._environment.keys():
            del os.environ[name]
        for name, value in self._environment.items():
            if os.environ.get(name) != value:
                os.environ[name] = value


def _identity(descriptor: int) -> tuple[int, int] | None:
    try:
        status = os.fstat(descriptor)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _is_importing() -> bool:
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame.f_code.co_filename != IMPORT:
        frame = frame.f_back
    return frame is not None


def _is_closed(stream: TextIO) -> bool:
    try:
        return stream.closed
    except ValueError:  # detached
        return True


def _client() -> Any:
    from besom.tracking import client  # of MLflow, which only some tasks load

    return client
