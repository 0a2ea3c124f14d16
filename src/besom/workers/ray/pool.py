"""The supervisor's side of a Ray pool. The driver, another process, is in :mod:`.driver`."""

import os
import queue
import sys
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import version
from importlib.util import find_spec
from math import floor
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from besom.app import job
from besom.app.config_paths import PACKAGE
from besom.app.job import JobRunner, hydra_config_put_back
from besom.common.errors import ClusterError, ConfigError
from besom.common.interpreter import cores
from besom.common.machine.devices import VISIBLE
from besom.workers.messages import Assignment, Event, ToWorker, WorkerExited
from besom.workers.ray.driver_process import DriverProcess, error_of, setup_seconds
from besom.workers.ray.protocol import (
    Broken,
    End,
    FromDriver,
    Home,
    Joined,
    PoolRefused,
    RaySettings,
    Room,
    Send,
    Start,
)
from besom.workers.resources import GROWTH_LIMIT, Resources, worker_variables


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
        self._driver: DriverProcess | None = None
        self._started: set[int] = set()

    def connect(self) -> None:
        """Start Ray here, or join the cluster.

        Raises:
            ConfigError: Ray is not installed, the shared folder does not exist, or each job's own
                folder is absolute.
            ClusterError: there is no cluster, or none with room for a worker; or the Ray that was
                started here has no room for all.
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
        self._check_job_folders()
        self._events = queue.SimpleQueue()
        arguments: Any = (self._settings, self._home, self._needs(), self._variables())
        self._driver = DriverProcess(job.dump(self._app), (*arguments, self._growth_limit))
        try:
            self._room = self._driver.first_room(setup_seconds(self._settings))
            self._check_room()
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
            raise error_of(event)
        if isinstance(event.message, WorkerExited):
            self._started.discard(event.worker)
        return event

    def stop(self) -> None:
        if self._driver:
            self._driver.stop()
            self._driver = None
        self._started.clear()
        self._events = queue.SimpleQueue()

    def _check_job_folders(self) -> None:
        """Refuse absolute folders of jobs: a file is sent under its name below all jobs' folder."""
        sweep = OmegaConf.to_container(self._app.master.hydra.sweep, resolve=False)
        assert isinstance(sweep, Mapping)
        subdir = Path(str(sweep.get("subdir")))
        if subdir.is_absolute() and self._settings.address is not None:
            raise ConfigError(
                f"hydra.sweep.subdir={subdir}: files of other nodes need a folder below "
                "hydra.sweep.dir; give a relative one."
            )

    def _check_room(self) -> None:
        if self._settings.address is None and self._room < (self._size or 0):
            raise ClusterError(
                f"hydra.sweeper.n_jobs={self._size}: the Ray that was started here has room for "
                f"{self._room} of these workers; take hydra.sweeper.n_jobs={self._room}."
            )

    def _say(self, command: Start | Send | End) -> None:
        assert self._driver is not None
        self._driver.send(command)

    def _hear(self, heard: FromDriver) -> None:
        if isinstance(heard, Room):
            self._room = heard.n_workers
        elif not isinstance(heard, Joined):
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
        """Return a worker's environment variables, except those that the user has set. If no GPUs
        are given, workers may share one."""
        resources = replace(self._resources, cpus=self._cpus)
        variables = worker_variables(resources, self._size or cores())
        given = self._settings.runtime_env.get("env_vars")
        names = set(given) if isinstance(given, Mapping) else set()  # if not, Ray refuses it
        if self._settings.address is None:
            names |= os.environ.keys()
        names.discard(VISIBLE)  # a worker without GPUs must see none
        return {name: value for name, value in variables.items() if name not in names}

    def _left_by_earlier_attempts(self, assignment: Assignment) -> Path | None:
        """Return the job's folder here, if the node lacks files of an earlier attempt in it."""
        if self._home.is_seen(self._home.jobs):
            return None
        try:
            with hydra_config_put_back():
                composed = self._app.compose(
                    assignment.overrides, assignment.trial, assignment.folder
                )
            folder = Path(composed.hydra.runtime.output_dir)
            return folder if folder.is_dir() else None
        except Exception:  # also of resolvers; on the node the trial fails with it
            return None
