"""The interface of a pool of workers, and the choice of a pool."""

from pathlib import Path
from typing import Protocol

from besom.app import job
from besom.app.job import JobRunner
from besom.workers.messages import Event, ToWorker
from besom.workers.ray.protocol import RaySettings
from besom.workers.resources import NOTHING_SAID, Resources


class Pool(Protocol):
    """A pool of numbered workers. The supervisor cannot tell where or how they run."""

    def connect(self) -> None:
        """Make sure that workers can be started; start none.

        Raises:
            ClusterError: they cannot be started.
        """
        ...

    def room(self) -> int:
        """Return how many workers there is room for now."""
        ...

    def resize(self, size: int) -> None:
        """Expect so many workers at a time from now on; start or end none."""
        ...

    def start(self, worker: int) -> None:
        """Start a worker, also again after it has exited; return at once.

        A running worker is left alone. Workers may be started before there is work for them.
        """
        ...

    def send(self, worker: int, message: ToWorker) -> None:
        """Send a message to a worker. If it is gone, ``WorkerExited`` is among the next events."""
        ...

    def end(self, worker: int, cause: str) -> None:
        """End a worker; ``WorkerExited(cause)`` follows what it has sent before.

        One that has a job is killed.
        """
        ...

    def next_event(self, timeout: float) -> Event | None:
        """Return the next event in the order of time, or None after ``timeout`` seconds."""
        ...

    def stop(self) -> None:
        """End every worker, and what it has started; return when they are gone.

        Workers are killed if one of them has a job; otherwise they have seconds to exit by
        themselves.
        """
        ...


def log_file(folder: Path, worker: int) -> Path:
    """Return the file for everything that a worker's process prints, over all its jobs."""
    return folder / f"worker-{worker}.log"


def make_pool(
    app: JobRunner,
    size: int | None,
    log_folder: Path,
    kind: str = "local",
    resources: Resources = NOTHING_SAID,
    ray: RaySettings | None = None,
) -> Pool:
    """Make a pool of up to ``size`` workers for an application; start none of them. If ``size`` is
    None, there may be as many as a cluster has room for.

    Args:
        log_folder: for the workers' output.
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
