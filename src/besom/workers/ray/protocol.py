"""The messages between the processes of a Ray pool, beside those of workers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from besom.workers.messages import Event, FromWorker, ToWorker


@dataclass(frozen=True)
class RaySettings:
    """Where the cluster is, and what goes to it.

    Attributes:
        address: None starts one on this machine; ``auto`` or ``host:port`` joins one.
        shared_folder: seen by all nodes under the same path; files below it are not sent.
        runtime_env: handed on to Ray.
    """

    address: str | None = None
    shared_folder: Path | None = None
    runtime_env: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Home:
    """The supervisor's side, as an actor needs to know it.

    Attributes:
        folder: where the command was given.
        package: where Besom is installed.
        path: where Python looks for modules.
        jobs: where the folders of the jobs are.
        logs: where workers print to.
        shared: what the nodes see under the same path, and all below it; None for nothing.
    """

    version: str
    folder: Path
    package: Path
    path: tuple[str, ...]
    jobs: Path
    logs: Path
    shared: Path | None

    def is_seen(self, path: Path) -> bool:
        """Whether supervisor and nodes see the same under this path."""
        return self.shared is not None and path.is_relative_to(self.shared)


# -- supervisor to driver ------------------------------------------------------------------------


@dataclass(frozen=True)
class Start:
    worker: int


@dataclass(frozen=True)
class Send:
    """``files``: of the job's folder, where an earlier attempt has left some."""

    worker: int
    message: ToWorker
    files: Path | None = None


@dataclass(frozen=True)
class End:
    worker: int
    cause: str


# -- driver to supervisor, beside events -----------------------------------------------------------


@dataclass(frozen=True)
class Room:
    """For so many workers, as far as Ray knows of nodes now."""

    n_workers: int


@dataclass(frozen=True)
class PoolRefused:
    """The pool cannot work, or no longer; one to three lines."""

    text: str


@dataclass(frozen=True)
class Broken:
    """The driver has met what it does not expect: a bug, with its traceback."""

    traceback: str


FromDriver = Event | Room | PoolRefused | Broken


# -- actor to driver, beside messages of its worker -----------------------------------------------


@dataclass(frozen=True)
class Arrived:
    """The first thing that an actor says. ``node_id`` is Ray's; hosts may have several."""

    node: str
    node_id: str
    version: str


@dataclass(frozen=True)
class Piece:
    """A part of a file of a job; the last one ends it. ``name`` is below the jobs' folder."""

    name: str
    content: bytes
    is_first: bool
    is_last: bool


@dataclass(frozen=True)
class Removed:
    """A file of a job that is no longer there."""

    name: str


@dataclass(frozen=True)
class Printed:
    """What the worker's process has printed since the last time."""

    content: bytes


FromActor = FromWorker | Arrived | Piece | Removed | Printed
