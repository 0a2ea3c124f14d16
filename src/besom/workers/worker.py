"""A worker: a long-lived process that runs one trial after another and knows no database.

The main thread computes, a second one reads the pipe. A watchdog, a process of its
own, sees the end of the supervisor, however it came, and ends the worker and all that it started.
"""

import gc
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NoReturn

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobStatus
from omegaconf import DictConfig, OmegaConf

from besom import session
from besom.app import job
from besom.app.error_messages import HYDRA_ERRORS
from besom.app.hooks import hooks_of, of_task
from besom.app.job import JobRunner
from besom.app.overrides import as_typed
from besom.app.redaction import redacted_logs
from besom.common.addresses import mask
from besom.common.errors import Interrupted, Pruned, UserError
from besom.common.files import private
from besom.common.flatten import flatten
from besom.common.states import State
from besom.common.stdout import open_closed
from besom.common.text import plain, shorten_middle, storable
from besom.session import KerasModel
from besom.workers import disk_space
from besom.workers.memory import resident
from besom.workers.messages import (
    LONGEST,
    Assignment,
    Composed,
    Expected,
    FromWorker,
    Outcome,
    Ready,
    Reported,
    ReportReply,
    Told,
)
from besom.workers.process_state import ProcessState
from besom.workers.returned import as_numbers
from besom.workers.signals import ENDING
from besom.workers.task_stores import open_in_turn

LONGEST_TRACEBACK = 30_000
"""Characters: an exception may quote a whole file, and databases hold 64 KiB of text."""


# What is wrong with the trial itself before its task is called.
OF_CONFIGURATION = (UserError, *HYDRA_ERRORS)


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
        """The next message from the supervisor."""
        return self._inbox.get()

    def _read(self) -> None:
        while True:
            try:
                self._inbox.put(self._connection.recv())
            except Exception:  # the supervisor is gone, or a task has spoiled the pipe
                os._exit(1)


class PipeListener:
    """The task's listener: passes everything on, and turns replies into exceptions.

    Attributes:
        interrupted: whether the sweep has asked the task to stop.
    """

    def __init__(self, pipe: WorkerPipe) -> None:
        self._pipe = pipe
        self.interrupted = False

    def expect(self, steps: int) -> None:
        self._pipe.send(Expected(steps))

    def report(self, step: int, metrics: Mapping[str, float]) -> None:
        self._pipe.send(Reported(step, metrics))
        match self._pipe.receive():
            case ReportReply.PRUNE:
                raise Pruned(f"pruned after step {step}")
            case ReportReply.INTERRUPT:
                self.interrupted = True
                raise Interrupted(f"interrupted after step {step}")

    def log(self, values: Mapping[str, float | str]) -> None:
        self._pipe.send(Told("log", (values,)))

    def save(self, path: Path) -> None:
        self._pipe.send(Told("save", (path,)))

    def save_model(self, model: KerasModel) -> None:
        self._pipe.send(Told("save_model", (model,)))

    def table(self, name: str, rows: Sequence[Mapping[str, float | str]]) -> None:
        self._pipe.send(Told("table", (name, rows)))


def main(
    connection: Connection, watchdog_pipe: Connection, log_file: str, growth_limit: int
) -> None:
    """The life of a worker process: one trial after another until it is ended.

    Args:
        connection: this end of the pipe to the supervisor; the first to come is the application,
            see :func:`besom.app.job.dump`.
        watchdog_pipe: a pipe that closes when the supervisor drops this worker, or is gone.
        log_file: receives all that this process prints.
        growth_limit: bytes that it may grow by since its first trial; then it runs no further one.
    """
    open_closed()
    _isolate(watchdog_pipe, log_file)
    payload = connection.recv_bytes()
    pipe = WorkerPipe(connection)
    open_in_turn(Path(log_file).parent)
    app = job.load(payload)
    hooks_of(app.task).prepare()
    gc.freeze()  # what was imported stays: a collection takes 20 ms then, with TensorFlow, not 250
    os.register_at_fork(after_in_child=session.stop_listening)
    pipe.send(Ready())
    process, before, first_memory = os.getpid(), ProcessState(log_file), 0
    with redacted_logs():
        while True:
            assignment = pipe.receive()
            assert isinstance(assignment, Assignment), assignment
            outcome = run_trial(app, assignment, pipe, is_used=first_memory > 0)
            if os.getpid() != process:
                _end_forked(outcome)
            try:
                before.restore()
            except Exception:
                pipe.send(replace(outcome, is_last=True))
                raise
            memory = resident()
            first_memory = first_memory or memory
            is_last = memory - first_memory > growth_limit
            pipe.send(replace(outcome, memory=memory, is_last=is_last))


def run_trial(app: JobRunner, assignment: Assignment, pipe: WorkerPipe, is_used: bool) -> Outcome:
    """Compose the configuration, run the task, and say how it ended.

    Args:
        is_used: whether this process has run others. What goes wrong before the task is called may
            be their doing; it is raised then, and ends this process: the trial is for another.
    """
    started, listener, is_called = time.perf_counter(), PipeListener(pipe), False

    def before(config: DictConfig) -> None:
        nonlocal is_called
        pipe.send(_composed(config))
        is_called = True

    try:
        print(f"trial {assignment.trial}, attempt {assignment.attempt}", flush=True)
        config = app.compose(assignment.overrides, assignment.trial, assignment.folder)
        with session.listening(listener):
            job = app.run(config, before)
        if job.status is JobStatus.FAILED:
            raise job._return_value  # the property would also write to standard error
        outcome = Outcome(State.COMPLETE, as_numbers(job.return_value), 0.0)
    except Pruned:
        outcome = Outcome(State.PRUNED, {}, 0.0)
    except Interrupted:
        error = "" if listener.interrupted else "its task raised besom.Interrupted by itself"
        outcome = Outcome(State.INTERRUPTED, {}, 0.0, error=error)
    except BaseException as error:  # SystemExit and KeyboardInterrupt of a task fail it too
        if disk_space.is_lacking(error):
            outcome = _without_room(error, Path(app.master.hydra.sweeper.root))
        elif is_used and not is_called and not isinstance(error, OF_CONFIGURATION):
            raise
        else:
            outcome = _failed(error)
    return replace(outcome, seconds=time.perf_counter() - started)


def _end_forked(outcome: Outcome) -> NoReturn:
    """End a process that the task has forked, and that has come to the task's end as well.

    The trial and the pipe are its parent's.
    """
    print(outcome.traceback or outcome.error, file=sys.stderr, flush=True)
    os._exit(outcome.state is not State.COMPLETE)


def _without_room(error: BaseException, root: Path) -> Outcome:
    """An attempt that counts, or the end of the sweep where its record has no room either."""
    file = disk_space.file_of(error)
    ends_sweep = disk_space.is_lacking_at(root, file)
    where = file or (root if ends_sweep else "a file that the error does not name")
    text = f"{where} cannot be written: {os.strerror(getattr(error, 'errno', 0))}"
    text = plain(mask(text)) if ends_sweep else f"its task stopped: {plain(mask(text))}"
    return Outcome(State.INTERRUPTED, {}, 0.0, error=text, ends_sweep=ends_sweep)


def _composed(config: DictConfig) -> Composed:
    """The task's configuration; read inside the job, where ``${hydra:…}`` has all its values."""
    job = HydraConfig.get()
    return Composed(
        params=flatten(config),
        config=OmegaConf.to_yaml(config, resolve=True),
        overrides=tuple(as_typed(job.overrides.task)),
        folder=Path(job.runtime.output_dir),
    )


def _failed(error: BaseException) -> Outcome:
    if isinstance(error, UserError):
        return Outcome(State.FAILED, {}, 0.0, error=str(error))
    frames = mask(_traceback_of_task(error))
    frames = storable(shorten_middle(frames, LONGEST_TRACEBACK))
    return Outcome(State.FAILED, {}, 0.0, error=plain(mask(_line(error))), traceback=frames)


def _line(error: BaseException) -> str:
    """``ValueError: x is above 1``; only the type's name where there is no text, or it raises."""
    name = type(error).__name__
    try:
        text = str(error)
    except BaseException:  # of the task's own code, as the error is
        return name
    return f"{name}: {text}".splitlines()[0] if text else name


def _traceback_of_task(error: BaseException) -> str:
    """The traceback from the task's own first frame on: Hydra's and ours explain nothing."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_name != "run_job":
        frames = frames.tb_next
    first = of_task(frames.tb_next) if frames is not None else error.__traceback__
    return "".join(traceback.format_exception(type(error), error, first))


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
    """Have a shell kill this worker and all that it starts when its pipe closes.

    A thread of the worker could not where a task holds the interpreter, and the kernel's own
    signal for orphans would not reach what the task has started.
    """
    command = ["/bin/sh", "-c", f"read nothing; kill -9 -{os.getpgrp()}"]
    nowhere = subprocess.DEVNULL
    watchdog = subprocess.Popen(
        command, stdin=watchdog_pipe.fileno(), stdout=nowhere, stderr=nowhere, process_group=0
    )
    watchdog.returncode = 0  # it outlives this process, and Python is not to warn of that
    watchdog_pipe.close()
