"""The supervisor's side of a Ray pool. The driver is another process: see :mod:`.driver`."""

import multiprocessing
import os
import queue
import socket
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from importlib.metadata import version
from importlib.util import find_spec
from math import floor
from pathlib import Path
from typing import Any

from besom.app import job
from besom.app.config_paths import PACKAGE
from besom.app.job import JobRunner, hydra_config_put_back
from besom.app.modules.main_module import kept_from_multiprocessing
from besom.common.errors import ClusterError, ConfigError
from besom.common.interpreter import cores
from besom.workers.messages import Assignment, Event, ToWorker, WorkerExited
from besom.workers.ray import driver
from besom.workers.ray.protocol import (
    Broken,
    End,
    FromDriver,
    Home,
    PoolRefused,
    RaySettings,
    Room,
    Send,
    Start,
)
from besom.workers.resources import GROWTH_LIMIT, Resources, worker_variables
from besom.workers.signals import signals_held

CONNECT_SECONDS = 90
"""Seconds within which Ray must start, or be joined and be sent the working folder."""
STOP_SECONDS = 15
"""Seconds within which the driver must end its actors, and Ray itself if the sweep started it."""


class RayPool:
    """A pool of workers on a Ray cluster, each an actor; call :meth:`connect` first.

    Args:
        size: how many workers there will be; None for as many as there is room for.
        log_folder: for the workers' output, also from other machines.
        resources: of each worker.
    """

    def __init__(
        self,
        app: JobRunner,
        size: int | None,
        log_folder: Path,
        resources: Resources,
        settings: RaySettings,
        growth_limit: int = GROWTH_LIMIT,
    ) -> None:
        self._app = app
        self._size = size
        self._resources = resources
        self._settings = settings
        self._growth_limit = growth_limit
        shared = Path("/") if settings.address is None else settings.shared_folder
        self._home = Home(
            version=version("besom"),
            folder=Path.cwd(),
            package=PACKAGE,
            path=tuple(sys.path),
            jobs=app.job_folders,
            logs=log_folder.absolute(),
            shared=shared,
        )
        self._room = 0
        self._events: queue.SimpleQueue[Event | PoolRefused | Broken] = queue.SimpleQueue()
        self._driver: _DriverProcess | None = None
        self._started: set[int] = set()

    def connect(self) -> None:
        """Start Ray here, or join the cluster.

        Raises:
            ConfigError: Ray is not installed, or the shared folder does not exist.
            ClusterError: there is no cluster, or none with room for a worker.
        """
        if self._driver:
            return
        if find_spec("ray") is None:
            raise ConfigError(
                "hydra.sweeper.pool=ray needs Ray: pip install '.[ray]' in Besom's folder"
            )
        folder = self._settings.shared_folder
        if folder is not None and not folder.is_dir():
            raise ConfigError(f"hydra.sweeper.ray.shared_folder={folder}: there is no such folder.")
        self._events = queue.SimpleQueue()
        arguments: Any = (self._settings, self._home, self._needs(), self._variables())
        self._driver = _DriverProcess(job.dump(self._app), (*arguments, self._growth_limit))
        try:
            self._room = self._driver.first_room()
        except BaseException:
            self._driver.stop()
            self._driver = None
            raise
        self._driver.listen(self._hear)

    def room(self) -> int:
        return self._room

    def resize(self, size: int) -> None:
        self._size = size

    def start(self, worker: int) -> None:
        self.connect()
        if worker not in self._started:  # no successor before its exit was handled
            self._started.add(worker)
            self._say(Start(worker))

    def send(self, worker: int, message: ToWorker) -> None:
        files = None
        if isinstance(message, Assignment) and message.attempt > 1:
            files = self._left_by_earlier_attempts(message)
        self._say(Send(worker, message, files))

    def end(self, worker: int, cause: str) -> None:
        self._say(End(worker, cause))

    def next_event(self, timeout: float) -> Event | None:
        try:
            event = self._events.get(timeout=timeout)
        except queue.Empty:
            return None
        if not isinstance(event, Event):
            raise _error(event)
        if isinstance(event.message, WorkerExited):
            self._started.discard(event.worker)
        return event

    def stop(self) -> None:
        if self._driver:
            self._driver.stop()
            self._driver = None
        self._started.clear()
        self._events = queue.SimpleQueue()

    def _say(self, command: Start | Send | End) -> None:
        assert self._driver is not None
        self._driver.send(command)

    def _hear(self, heard: FromDriver) -> None:
        if isinstance(heard, Room):
            self._room = heard.n_workers
        else:
            self._events.put(heard)

    @property
    def _cpus(self) -> float:
        """Cores of a worker: those given, else its share of this machine, or 1 on a cluster."""
        if self._resources.cpus is not None:
            return self._resources.cpus
        is_here = self._settings.address is None and self._size
        if not is_here or not self._size:
            return 1
        return floor(1e4 * cores() / self._size) / 1e4  # Ray counts in such parts

    def _needs(self) -> Mapping[str, float]:
        """Return Ray's resources of one worker."""
        asked = {"GPU": self._resources.gpus, "memory": self._resources.memory}
        return {"CPU": self._cpus} | {name: amount for name, amount in asked.items() if amount}

    def _variables(self) -> Mapping[str, str]:
        """Return a worker's environment variables; if no GPUs are given, workers may share one."""
        resources = replace(self._resources, cpus=self._cpus)
        return worker_variables(resources, self._size or cores())

    def _left_by_earlier_attempts(self, assignment: Assignment) -> Path | None:
        """Return the job's folder here, if the node lacks files of an earlier attempt in it."""
        if self._home.is_seen(self._home.jobs):
            return None
        with hydra_config_put_back():
            config = self._app.compose(assignment.overrides, assignment.trial, assignment.folder)
        folder = Path(config.hydra.runtime.output_dir)
        return folder if folder.is_dir() else None


def _error(said: PoolRefused | Broken) -> Exception:
    if isinstance(said, PoolRefused):
        return ClusterError(said.text)
    return RuntimeError(f"the driver of Ray has failed:\n{said.traceback}")


class _DriverProcess:
    """The driver, as the supervisor sees it."""

    def __init__(self, payload: bytes, arguments: tuple[Any, ...]) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe(duplex=True)
        self._process = context.Process(
            target=driver.main, args=(theirs, *arguments), name="besom-ray-driver", daemon=True
        )
        with signals_held(), kept_from_multiprocessing():
            self._process.start()
        theirs.close()
        with suppress(BrokenPipeError, ConnectionResetError):
            self._connection.send_bytes(payload)

    def first_room(self) -> int:
        """Wait for the cluster; return how many workers it has room for."""
        if not self._connection.poll(CONNECT_SECONDS):
            raise ClusterError(f"Ray has not started within {CONNECT_SECONDS} s.")
        heard = self._receive()
        if isinstance(heard, PoolRefused | Broken):
            raise _error(heard)
        assert isinstance(heard, Room), heard
        return heard.n_workers

    def listen(self, hear: Any) -> None:
        def read() -> None:
            while True:
                heard = self._receive()
                hear(heard)
                if isinstance(heard, PoolRefused | Broken):
                    return

        threading.Thread(target=read, name="besom-ray-reader", daemon=True).start()

    def send(self, command: Start | Send | End) -> None:
        with suppress(OSError):  # the reader finds that it is gone
            self._connection.send(command)

    def stop(self) -> None:
        descriptor = os.dup(self._connection.fileno())
        with socket.socket(fileno=descriptor) as pipe, suppress(OSError):
            pipe.shutdown(socket.SHUT_RDWR)  # closing it would not end the reader's wait
        self._process.join(STOP_SECONDS)
        self._process.kill()
        self._process.join()

    def _receive(self) -> FromDriver:
        try:
            heard: FromDriver = self._connection.recv()
        except (EOFError, OSError):
            return PoolRefused(
                "The Ray cluster is gone. With a new one, the same command resumes the sweep."
            )
        return heard
