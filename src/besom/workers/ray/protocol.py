"""The messages between the processes of a Ray pool, besides those of workers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from besom.workers.messages import Event, FromWorker, ToWorker


@dataclass(frozen=True)
class RaySettings:
    """Where the cluster is, and what is sent to it.

    Attributes:
        address: None starts one on this machine; ``auto`` or ``host:port`` joins one.
        shared_folder: seen by all nodes under the same path; files below it are not sent.
        runtime_env: handed on to Ray.
        left_out: folders of results, which are not sent with the working folder.
    """

    address: str | None = None
    shared_folder: Path | None = None
    runtime_env: Mapping[str, Any] = field(default_factory=dict)
    left_out: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Home:
    """What an actor needs to know of the supervisor's machine.

    Attributes:
        folder: where the command was given.
        package: where Besom is installed.
        path: where Python looks for modules.
        jobs: where the folders of the jobs are.
        logs: the folder of the workers' logs.
        shared: the folder that nodes see under the same path, with all below it; None for none.
    """

    version: str
    folder: Path
    package: Path
    path: tuple[str, ...]
    jobs: Path
    logs: Path
    shared: Path | None

    def is_seen(self, path: Path) -> bool:
        """Return whether supervisor and nodes see the same under this path."""
        return self.shared is not None and path.is_relative_to(self.shared)


# -- supervisor to driver ------------------------------------------------------------------------


@dataclass(frozen=True)
class Start:
    worker: int


@dataclass(frozen=True)
class Send:
    """``files``: the job's folder, if an earlier attempt has left files in it."""

    worker: int
    message: ToWorker
    files: Path | None = None


@dataclass(frozen=True)
class End:
    worker: int
    cause: str


# -- driver to supervisor, beside events -----------------------------------------------------------


@dataclass(frozen=True)
class Joined:
    """The cluster is there. Its nodes are checked next, and build the runtime environment."""


@dataclass(frozen=True)
class Room:
    """How many workers there is room for on the nodes that Ray knows now."""

    n_workers: int


@dataclass(frozen=True)
class PoolRefused:
    """The pool cannot work, or no longer can; the text has one to three lines."""

    text: str


@dataclass(frozen=True)
class Broken:
    """The driver has met an unexpected error, which is a bug."""

    traceback: str


FromDriver = Event | Joined | Room | PoolRefused | Broken


# -- actor to driver, beside messages of its worker -----------------------------------------------


@dataclass(frozen=True)
class Arrived:
    """An actor's first message. ``node_id`` is Ray's; a host may have several."""

    node: str
    node_id: str
    version: str


@dataclass(frozen=True)
class Piece:
    """A part of a file of a job; the last one ends it. ``name`` is relative to the jobs' folder.

    ``is_torn`` in the last one: the file was written to meanwhile, and is to be dropped.
    """

    name: str
    content: bytes
    is_first: bool
    is_last: bool
    is_torn: bool = False


@dataclass(frozen=True)
class Removed:
    """A file of a job that is no longer there."""

    name: str


@dataclass(frozen=True)
class Printed:
    """What the worker's process has printed since the last such message."""

    content: bytes


FromActor = FromWorker | Arrived | Piece | Removed | Printed
