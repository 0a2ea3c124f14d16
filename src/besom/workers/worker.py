"""A worker: a long-lived process that runs one trial after another and knows no database.

The main thread computes, a second one reads the pipe. A watchdog process notices the end of the
supervisor, whatever its cause, and ends the worker and everything it has started.
"""

import atexit
import gc
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from besom import session
from besom.app import job
from besom.app.hooks import hooks_of
from besom.app.redaction import redacted_logs
from besom.common.files import private
from besom.common.stdout import open_closed
from besom.workers.messages import LONGEST, Assignment, Exit, FromWorker, Ready
from besom.workers.overwritten import OverwrittenFiles
from besom.workers.process_state import ProcessState
from besom.workers.resources import resident
from besom.workers.signals import ENDING
from besom.workers.task_stores import open_in_turn
from besom.workers.trial import run_trial


class WorkerPipe:
    """The worker's end of the pipe: sends messages, receives the supervisor's answers."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sending = threading.Lock()  # a task may have threads of its own
        self._inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        threading.Thread(target=self._read, name="besom-pipe", daemon=True).start()

    def send(self, message: FromWorker) -> None:
        content = pickle.dumps(message)
        if len(content) > LONGEST:
            raise ValueError(f"{len(content)} bytes at once, and MLflow is told {LONGEST} at most")
        with self._sending:
            self._connection.send_bytes(content)

    def receive(self) -> Any:
        """Wait for the supervisor's next message."""
        return self._inbox.get()

    def _read(self) -> None:
        while True:
            try:
                self._inbox.put(self._connection.recv())
            except Exception:  # the supervisor is gone, or a task has spoiled the pipe
                os._exit(1)


def main(
    connection: Connection, watchdog_pipe: Connection, log_file: str, growth_limit: int
) -> None:
    """Run a worker process: one trial after another until it is ended or told to exit.

    Args:
        connection: this end of the pipe to the supervisor; the first message is the application,
            see :func:`besom.app.job.dump`.
        watchdog_pipe: a pipe that closes when the supervisor drops this worker, or is gone.
        log_file: receives everything that this process prints.
        growth_limit: bytes by which it may grow since its first trial; above, it runs no more.
    """
    open_closed()
    _isolate(watchdog_pipe, log_file)
    payload = connection.recv_bytes()
    pipe = WorkerPipe(connection)
    open_in_turn(Path(log_file).parent)
    app, remarks = job.load(payload)
    for remark in remarks:
        print(remark, flush=True)
    hooks_of(app.task).prepare()
    gc.freeze()  # with TensorFlow imported, a collection then takes 20 ms, not 250
    atexit.register(gc.unfreeze)  # or files that modules hold would not be written out
    os.register_at_fork(after_in_child=session.stop_listening)
    pipe.send(Ready(remarks))
    before, first_memory = ProcessState(log_file), 0
    files = OverwrittenFiles(app.job_folders)
    with redacted_logs():
        while not isinstance(assignment := pipe.receive(), Exit):
            assert isinstance(assignment, Assignment), assignment
            print(f"\n{assignment.title}", flush=True)  # output before may not end its line
            outcome = run_trial(app, assignment, pipe, is_used=first_memory > 0)
            try:
                before.restore()
            except Exception:
                pipe.send(replace(outcome, is_last=True))
                raise
            memory = resident()
            first_memory = first_memory or memory
            is_last = memory - first_memory > growth_limit
            overwritten = files.take()
            pipe.send(replace(outcome, memory=memory, is_last=is_last, overwritten=overwritten))
            if is_last:
                return


def _isolate(watchdog_pipe: Connection, log_file: str) -> None:
    """Leave the terminal's process group, print to a file, and do not outlive the supervisor."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)
    _start_watchdog(watchdog_pipe)
    descriptor = private(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
        os.dup2(descriptor, stream.fileno())
    os.close(descriptor)


def _start_watchdog(watchdog_pipe: Connection) -> None:
    """Have a shell kill this worker and everything it starts when its pipe closes.

    A thread of the worker could not do so while a task holds the interpreter's lock, and the
    kernel's signal for orphans would not reach what the task has started.
    """
    command = ["/bin/sh", "-c", f"read nothing; kill -9 -{os.getpgrp()}"]
    nowhere = subprocess.DEVNULL
    watchdog = subprocess.Popen(
        command, stdin=watchdog_pipe.fileno(), stdout=nowhere, stderr=nowhere, process_group=0
    )
    watchdog.returncode = 0  # it outlives this process; keep Python from warning of that
    watchdog_pipe.close()
