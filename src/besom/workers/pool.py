"""The interface of a pool of workers, and the pools that there are."""

from pathlib import Path
from typing import Protocol

from besom.app import job
from besom.app.job import JobRunner
from besom.workers.messages import Event, ToWorker
from besom.workers.ray.protocol import RaySettings
from besom.workers.resources import NOTHING_SAID, Resources


class Pool(Protocol):
    """Workers by number. The supervisor cannot tell where or how they run."""

    def connect(self) -> None:
        """Make sure that workers can be started; starts none.

        Raises:
            ClusterError: they cannot.
        """
        ...

    def room(self) -> int:
        """How many workers there is room for now."""
        ...

    def resize(self, size: int) -> None:
        """Expect so many workers at a time from now on; none is started or ended by that."""
        ...

    def start(self, worker: int) -> None:
        """Start worker ``worker``, again after it has exited; returns at once.

        One that is running is let alone: workers may be started before there is work for them.
        """
        ...

    def send(self, worker: int, message: ToWorker) -> None:
        """Send to a worker. A worker that is gone shows as ``WorkerExited`` in the next events."""
        ...

    def end(self, worker: int, cause: str) -> None:
        """End a worker now; ``WorkerExited(cause)`` follows what it has sent before."""
        ...

    def next_event(self, timeout: float) -> Event | None:
        """The next thing in the order in which they happen, or None after ``timeout`` seconds."""
        ...

    def stop(self) -> None:
        """End every worker now, and what it has started; returns when they are gone."""
        ...


def log_file(folder: Path, worker: int) -> Path:
    """Where a worker's process keeps what it prints, of all its jobs."""
    return folder / f"worker-{worker}.log"


def make_pool(
    app: JobRunner,
    size: int | None,
    log_folder: Path,
    kind: str = "local",
    resources: Resources = NOTHING_SAID,
    ray: RaySettings | None = None,
) -> Pool:
    """Up to ``size`` workers for an application, none of them started; where that is None, as many
    as a cluster has room for.

    Args:
        log_folder: for what they print.
        kind: ``local``, processes of this machine; ``inline``, threads of this process, one job at
            a time; or ``ray``, actors of the cluster that ``ray`` names.
        resources: of each worker that is a process.
    """
    if kind == "ray":
        from besom.workers.ray.pool import RayPool

        return RayPool(app, size, log_folder, resources, ray or RaySettings())
    assert size is not None
    if kind == "inline":
        from besom.workers.inline import InlinePool

        return InlinePool(app, size)
    assert kind == "local", kind
    from besom.workers.local import LocalPool

    return LocalPool(size, job.dump(app), log_folder, resources=resources)
