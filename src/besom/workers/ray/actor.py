"""The actor of a worker. On its node it runs the worker's process in the pool of one machine, and
passes on its messages, with the files that the supervisor cannot see."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import ray

from besom.app import job
from besom.app.config_paths import PACKAGE
from besom.workers.local import LocalPool
from besom.workers.messages import Composed, Event, Outcome, Told, ToWorker, WorkerExited
from besom.workers.pool import log_file
from besom.workers.ray.files import PIECE, Assembly, JobFiles, Stamps, pieces, stamp
from besom.workers.ray.protocol import Arrived, FromActor, Home, Piece, Printed

TICK = 1.0
"""Seconds between looks at files and the log, which send no message."""

SAVED = "saved"
"""Folder, inside a job's folder, of files that its task has saved from elsewhere."""


class WorkerActor:
    """Runs one worker on a node. Ray makes one for each worker; its methods run concurrently.

    Args:
        payload: the application, see :func:`besom.app.job.dump`.
        variables: of the worker's environment.
    """

    def __init__(
        self,
        worker: int,
        payload: bytes,
        home: Home,
        variables: Mapping[str, str],
        growth_limit: int,
    ) -> None:
        self._worker = worker
        self._home = home
        self._scratch = tempfile.TemporaryDirectory(
            prefix="besom-worker-", ignore_cleanup_errors=True
        )
        scratch = Path(self._scratch.name)
        self._alive = _removed_afterwards(scratch)
        self._jobs = home.jobs if home.is_seen(home.jobs) else scratch / "jobs"
        self._logs = home.logs if home.is_seen(home.logs) else scratch / "logs"
        self._log = log_file(self._logs, worker)
        self._n_printed = 0
        self._assembly = Assembly(self._jobs)
        self._put: Stamps = {}
        self._files: JobFiles | None = None
        self._folder = self._jobs
        self._saved: dict[Path, str] = {}
        os.environ.update(variables)  # also over Ray's own, which count cores, not threads
        self._pool = LocalPool(1, self._moved(payload), self._logs, growth_limit)

    def _moved(self, payload: bytes) -> bytes:
        """Return the application with its paths as they are on this node."""
        home = self._home
        if home.is_seen(home.folder):
            os.chdir(home.folder)
            sys.path[:] = home.path
            return payload if home.is_seen(home.jobs) else job.moved(payload, {}, self._jobs)
        here = Path.cwd()  # Ray has put the working folder there
        of_application = [Path(folder) for folder in home.path if folder]
        sys.path[:0] = [
            str(here / folder.relative_to(home.folder))
            for folder in of_application
            if folder.is_relative_to(home.folder)
        ]
        moves = {  # Besom first: it may lie below the working folder, but is not sent with that
            home.package: PACKAGE,
            home.folder: here,
            home.package.parents[1]: PACKAGE.parents[1],
        }
        return job.moved(payload, moves, self._jobs)

    def messages(self) -> Iterator[list[FromActor]]:
        """Start the worker; yield all its messages, up to its exit, in their order."""
        node_id = ray.get_runtime_context().get_node_id()
        yield [Arrived(socket.gethostname(), node_id, version("besom"))]
        self._pool.start(self._worker)
        while True:
            event = self._pool.next_event(TICK)
            if event is None:
                yield [*filter(None, [self._printed()])]
            else:
                yield from self._passed_on(event)
            match event:
                case Event(message=WorkerExited()):
                    self._scratch.cleanup()
                    return
                case Event(message=Outcome()) if not self._home.is_seen(self._jobs):
                    shutil.rmtree(self._folder, ignore_errors=True)
            for change in self._files.changed_lately() if self._files else ():
                yield [change]

    def send(self, message: ToWorker) -> None:
        with suppress(KeyError):  # it has just exited
            self._pool.send(self._worker, message)

    def end(self, cause: str) -> None:
        with suppress(KeyError):
            self._pool.end(self._worker, cause)

    def put(self, piece: Piece) -> None:
        """Write a part of a file that an earlier attempt has left."""
        if file := self._assembly.add(piece):
            self._put[file] = stamp(file)

    def stop(self) -> None:
        """End the worker, and what it has started; return when they are gone."""
        self._pool.stop()
        self._scratch.cleanup()

    def _passed_on(self, event: Event) -> Iterator[list[FromActor]]:
        """Yield a message, after the files that it names; its paths become the supervisor's."""
        message: Any = event.message
        if isinstance(message, Composed):
            self._folder, self._saved = message.folder, {}
            files = JobFiles(self._jobs, message.folder, self._put)
            self._files = None if self._home.is_seen(message.folder) else files
            self._put = {}
            message = replace(message, folder=self._theirs(message.folder))
        elif isinstance(message, Told) and message.method == "save":
            (path,) = message.arguments
            yield from self._sent(path)
            message = replace(message, arguments=(self._theirs(path),))
        elif isinstance(message, Told) and message.method == "save_model":
            (model,) = message.arguments
            yield from self._sent(model.path)
            message = replace(message, arguments=(replace(model, path=self._theirs(model.path)),))
        elif isinstance(message, Outcome | WorkerExited) and self._files:
            for change in self._files.changed():
                yield [change]
            self._files = None
        while printed := self._printed():
            yield [printed]
        yield [message]

    def _sent(self, path: Path) -> Iterator[list[FromActor]]:
        """Yield the pieces of a file or folder that the task saves."""
        if self._home.is_seen(path):
            return
        files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
        for file in files:
            if self._files and path.is_relative_to(self._folder):
                found = self._files.send(file)
            else:
                found = pieces(file, str(self._name(path) / file.relative_to(path)))
            for piece in found:
                yield [piece]

    def _theirs(self, path: Path) -> Path:
        """Return the supervisor's path of a file or folder on this node."""
        if self._home.is_seen(path):
            return path
        if path.is_relative_to(self._folder):
            return self._home.jobs / path.relative_to(self._jobs)
        return self._home.jobs / self._name(path)

    def _name(self, path: Path) -> Path:
        """Return the name, below the folder of all jobs, of what is saved from outside the job's
        folder: each such path has a folder of its own there."""
        number = self._saved.setdefault(path, str(len(self._saved)))
        return self._folder.relative_to(self._jobs) / SAVED / number / path.name

    def _printed(self) -> Printed | None:
        """Return what is new in a log that the supervisor cannot see: at most one piece."""
        if self._home.is_seen(self._log):
            return None
        try:
            with self._log.open("rb") as file:
                file.seek(self._n_printed)
                content = file.read(PIECE)
        except FileNotFoundError:
            return None
        self._n_printed += len(content)
        return Printed(content) if content else None


def _removed_afterwards(folder: Path) -> int:
    """Have a shell remove a folder when this process is gone, even if it is killed.

    Return the descriptor that tells the shell so: it must stay open. The shell is no child of this
    process, since Ray kills those; it waits until the watchdog of the worker has ended that.
    """
    theirs, ours = os.pipe()
    with open(theirs, "rb") as pipe:
        script = 'exec 3<&0; (read nothing <&3; sleep 1; rm -rf "$0") &'
        nowhere = subprocess.DEVNULL
        command = ["/bin/sh", "-c", script, str(folder)]
        subprocess.run(command, stdin=pipe, stdout=nowhere, stderr=nowhere, start_new_session=True)
    return ours
