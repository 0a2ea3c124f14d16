"""Runs scripts in processes of their own without the seconds that each would spend on imports.

``python warm.py DESCRIPTOR MODULES`` imports what every sweep imports, or TensorFlow, once, and
waits for requests at the descriptor. For each it forks a process that becomes what ``python SCRIPT
ARGUMENTS`` or ``python -c CODE ARGUMENTS`` would be, with its own ``__main__``, folder, environment
and streams. Workers are spawned as usual. Python's own options (``-W``, ``-m``) and tests that
interrupt imports need a cold start.
"""

import gc
import importlib.machinery
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import types
from collections.abc import Mapping
from functools import cache
from pathlib import Path

REQUEST_LENGTH = 1 << 17
APPENDED = os.O_WRONLY | os.O_CREAT | os.O_APPEND


class Process:
    """``python *WORDS``, run in ``folder``. Its methods are like those of ``subprocess.Popen``.

    Args:
        merged: whether stderr goes to stdout.
        session: whether the process leads a new session.
        modules: the modules that are imported already; a key of ``MODULES``.
        variables: added to the environment of this process.
        log: a file to append the output to, instead of reading it here.
    """

    def __init__(
        self,
        words: list[str],
        folder: Path,
        merged: bool = False,
        session: bool = False,
        modules: str = "sweep",
        variables: Mapping[str, str] | None = None,
        log: Path | None = None,
    ) -> None:
        umask = os.umask(0)
        os.umask(umask)
        environment = os.environ | (variables or {})
        request = {"words": words, "folder": str(folder), "environment": environment}
        request |= {"umask": umask, "session": session}
        self._answers, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        output, out = (None, os.open(log, APPENDED, 0o600)) if log else os.pipe()
        errors, err = (None, os.dup(out)) if merged else os.pipe()
        descriptors = [theirs.fileno(), out, err]
        socket.send_fds(_server(modules), [json.dumps(request).encode()], descriptors)
        theirs.close()
        os.close(out)
        os.close(err)
        self._output, self._errors = _Reader(output), _Reader(errors)
        self.args, self.returncode = words, None
        self.pid = self._answer(120)  # the first request waits for the server's imports

    def poll(self) -> int | None:
        """Return the exit code; None while the process runs."""
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def wait(self, timeout: float = 60) -> int:
        if self.returncode is None:
            self.returncode = self._answer(timeout)
        return self.returncode

    def kill(self) -> None:
        """Kill the process unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)

    def communicate(self, timeout: float) -> tuple[str, str]:
        """Wait for the process, and all that hold its streams, to end; return stdout and stderr."""
        deadline = time.monotonic() + timeout
        self.wait(timeout)
        said = [one.text(deadline - time.monotonic()) for one in (self._output, self._errors)]
        if None in said:
            raise subprocess.TimeoutExpired(self.args, timeout)
        return said[0], said[1]

    def _answer(self, timeout: float) -> int:
        self._answers.settimeout(timeout)
        try:
            return int(self._answers.recv(16))
        except (TimeoutError, BlockingIOError):
            raise subprocess.TimeoutExpired(self.args, timeout) from None


def run(
    words: list[str], folder: Path, timeout: float = 120, modules: str = "sweep"
) -> subprocess.CompletedProcess[str]:
    """Run ``python *WORDS`` in ``folder`` to its end."""
    process = Process(words, folder, modules=modules)
    try:
        said = process.communicate(timeout)
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGKILL)
        raise
    assert process.returncode is not None
    return subprocess.CompletedProcess(words, process.returncode, *said)


class _Reader(threading.Thread):
    """A thread that reads a stream to its end."""

    def __init__(self, descriptor: int | None) -> None:
        super().__init__(daemon=True)
        self._descriptor, self._text = descriptor, ""
        self.start()

    def run(self) -> None:
        if self._descriptor is not None:
            with open(self._descriptor) as stream:
                self._text = stream.read()

    def text(self, timeout: float) -> str | None:
        self.join(max(timeout, 0))
        return None if self.is_alive() else self._text


@cache
def _server(modules: str) -> socket.socket:
    """Start a server, which ends with this process; return the socket for requests."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        subprocess.Popen(
            [sys.executable, __file__, str(theirs.fileno()), modules],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
    return ours


def _serve(requests: socket.socket) -> None:
    """Serve requests; return only in each forked process, with its script in ``sys.argv``."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nothing waits for the intermediate processes
    while True:
        message, descriptors, _, _ = socket.recv_fds(requests, REQUEST_LENGTH, 3)
        if not message:
            os._exit(0)
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            requests.close()
            return _attend(json.loads(message), descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def _attend(request: dict, descriptors: list[int]) -> None:
    """Fork the script's process, in which this returns; send its id and exit code, and exit."""
    answers = socket.socket(fileno=descriptors[0])
    pid = os.fork()
    if pid == 0:
        answers.close()
        return _become(request, descriptors[1:])
    for descriptor in descriptors[1:]:
        os.close(descriptor)
    answers.send(str(pid).encode())
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    try:
        answers.send(str(code).encode())
    finally:
        os._exit(0)


def _become(request: dict, streams: list[int]) -> None:
    if request["session"]:
        os.setsid()
    for number, descriptor in enumerate(streams, start=1):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.umask(request["umask"])
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv = request["words"]
    sys.orig_argv = [sys.executable, *sys.argv]
    searched = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    new = [folder for folder in searched if folder and folder not in sys.path]
    sys.path[:1] = [str(Path(sys.argv[0]).absolute().parent), *new]


def _import_for_sweeps() -> None:
    from besom.tracking.client import import_mlflow

    import_mlflow()
    import optuna  # noqa: F401

    import besom.sweep.run  # noqa: F401

    sys.path.insert(0, str(Path(__file__).parents[1]))
    from tests import mlflow_tables

    del sys.path[0]
    if file := os.environ.get(mlflow_tables.VARIABLE):  # unset in the scripts of `make chaos`
        mlflow_tables.copy(Path(file))


def _import_tensorflow() -> None:
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import keras  # noqa: F401

    import besom.rnn.config
    import besom.rnn.train  # noqa: F401


MODULES = {"sweep": _import_for_sweeps, "tensorflow": _import_tensorflow}


def _main() -> types.ModuleType:
    """Replace this module with an empty ``__main__`` for the script; return that."""
    path = str(Path(sys.argv[0]).absolute())
    module = types.ModuleType("__main__")
    module.__file__, module.__builtins__ = path, __builtins__
    module.__loader__ = importlib.machinery.SourceFileLoader("__main__", path)
    sys.modules["__main__"] = module
    return module


if __name__ == "__main__":
    MODULES[sys.argv[2]]()
    assert threading.active_count() == 1, "a fork has one thread"
    gc.freeze()
    _serve(socket.socket(fileno=int(sys.argv[1])))
    main = _main()
    source = sys.argv.pop(1) if sys.argv[0] == "-c" else Path(main.__file__).read_bytes()
    exec(compile(source, main.__file__, "exec"), main.__dict__)
