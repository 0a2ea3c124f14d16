"""A remote worker in the driver: its actor, and the thread that receives its messages.

Ray is imported only where it is used, because the driver has to set its variables before.
"""

import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from besom.common.errors import ClusterError
from besom.common.files import make_private, private
from besom.common.states import State
from besom.workers.messages import (
    Event,
    FromWorker,
    Outcome,
    Sending,
    ToWorker,
    WorkerExited,
)
from besom.workers.pool import log_file
from besom.workers.ray.files import Assembly, kept, pieces
from besom.workers.ray.protocol import (
    Arrived,
    Broken,
    FromActor,
    FromDriver,
    Home,
    Piece,
    PoolRefused,
    Printed,
    Removed,
)

END_SECONDS = 5.0
"""Seconds after which Ray kills a worker that did not end when it was told to."""
IN_FLIGHT = 8
"""Most objects of one actor that the driver has not taken yet, mainly pieces of files."""
LONG_TRANSFER_SECONDS = 1.0
"""Seconds of files alone after which the supervisor is told so: the worker's messages wait behind
them. A hanging worker whose log alone changes stays silent."""
NODE_DIED = "actor's node was terminated"
"""A part of Ray's message about an actor that was to run there."""


@contextmanager
def failures_told(send: Callable[[FromDriver], None]) -> Iterator[None]:
    """Tell the supervisor which error ends this block: the driver's own output is discarded."""
    try:
        yield
    except ClusterError as error:
        send(PoolRefused(str(error)))
    except Exception:
        send(Broken(traceback.format_exc()))


class RemoteWorker:
    """An actor, and the thread that makes it and receives its messages.

    The last event is always ``WorkerExited``.

    Args:
        make: makes the actor; may take long.
        started: called when the worker on the actor's node sends messages, from the first one on.
    """

    def __init__(
        self,
        worker: int,
        make: Callable[[], Any],
        home: Home,
        send: Callable[[FromDriver], None],
        node_is_alive: Callable[[str], bool],
        started: Callable[[], None],
    ) -> None:
        self._worker = worker
        self._make = make
        self._actor: Any = None
        self._started = started
        self._home = home
        self._send = send
        self._node_is_alive = node_is_alive
        self._node = self._node_id = ""
        self._ended_for = ""
        self._stopping: Any = None
        self._log = log_file(home.logs, worker)
        self._assembly = Assembly(home.jobs)
        self.has_exited = False
        self._heard_at = time.monotonic()
        self._pieces_since: float | None = None
        threading.Thread(target=self._hear, name=f"besom-worker-{worker}", daemon=True).start()

    def send(self, message: ToWorker, files: Path | None) -> None:
        if files is None:
            self._actor.send.remote(message)
        else:
            threading.Thread(target=self._send_after, args=(files, message), daemon=True).start()

    def _send_after(self, folder: Path, message: ToWorker) -> None:
        """Send the files that an earlier attempt has left, piece by piece, then the message."""
        import ray
        from ray.exceptions import ActorDiedError, RayError, RayTaskError

        from besom.workers.ray.cluster import last_lines

        with failures_told(self._send):
            try:
                for file in kept(folder):
                    for piece in pieces(file, str(file.relative_to(self._home.jobs))):
                        ray.get(self._actor.put.remote(piece))
                        self._pass_on(Sending())
                self._actor.send.remote(message)
            except (RayTaskError, OSError) as error:  # a full disk there, say
                self._refuse(f"cannot get the files of an earlier attempt: {last_lines(error)}")
            except ActorDiedError:
                pass  # its messages end with that
            except RayError as error:
                self.end(self._cause(error))

    def _refuse(self, why: str) -> None:
        """End the attempt, which counts: it might fail so again; and the worker, which frees the
        disk of its node."""
        if not self.has_exited:
            error = f"its worker {why}"
            self._pass_on(Outcome(State.INTERRUPTED, {}, 0.0, error, is_last=True))
            self.end(why)

    def end(self, cause: str) -> None:
        """End the worker now: by its own pool, or by Ray if that is silent or has no node yet."""
        if self._ended_for:
            return
        self._ended_for = cause
        if self._actor:
            self._actor.end.remote(cause)
        threading.Thread(target=self._kill_when_silent, daemon=True).start()

    def _kill_when_silent(self) -> None:
        """Kill the actor once no more messages come; those sent before are all received first."""
        self._heard_at = time.monotonic()
        while self._node and time.monotonic() - self._heard_at < END_SECONDS:
            if self.has_exited:
                return
            time.sleep(0.1)
        self._kill()

    def ask_to_stop(self) -> None:
        if self._node and not self.has_exited:
            self._stopping = self._actor.stop.remote()

    def kill_at(self, deadline: float) -> None:
        """Kill the actor once it has stopped, at ``deadline`` at the latest."""
        import ray

        if self._stopping:
            ray.wait([self._stopping], timeout=max(0.0, deadline - time.monotonic()))
        self._kill()

    def _kill(self) -> None:
        import ray

        with suppress(Exception):  # of many kinds, while the head is away
            ray.kill(self._actor)

    def _hear(self) -> None:
        with failures_told(self._send):
            cause: str | None = None
            while cause is None:
                self._actor = self._make()
                cause = "" if self._ended_for else self._heard_to_the_end()
            self._kill()
            self._assembly.drop()
            self.has_exited = True
            self._pass_on(WorkerExited(self._ended_for or cause))

    def _heard_to_the_end(self) -> str | None:
        """Pass on the actor's messages; return why it has ended. None if it never came to its node,
        because that was dead and Ray did not know it yet: another actor takes its place."""
        import ray
        from ray.exceptions import RayError

        cause = ""
        try:
            said = self._actor.messages.options(
                num_returns="streaming", _generator_backpressure_num_objects=IN_FLIGHT
            ).remote()
            for reference in said:
                self._heard_at = time.monotonic()
                messages = ray.get(reference)
                if not any(isinstance(message, Piece) for message in messages):
                    self._pieces_since = None
                for message in messages:
                    if isinstance(message, WorkerExited):
                        cause = message.cause
                    else:
                        self._take(message)
        except RayError as error:
            if NODE_DIED in str(error) and not (self._node or self._ended_for):
                return None
            return self._cause(error)
        except OSError as error:  # a full disk, say
            return f"wrote what cannot be kept here: {error}"
        return cause

    def _take(self, message: FromActor) -> None:
        match message:
            case Arrived(node, node_id, version):
                self._node, self._node_id = node, node_id
                if version != self._home.version:
                    text = f"{node} has Besom {version}, and this is {self._home.version}"
                    self._send(PoolRefused(f"{text}; install the same on all nodes."))
            case Piece() as piece:
                self._assembly.add(piece)
                if not piece.is_last or self._is_long_transfer():
                    self._pass_on(Sending())  # the worker has not gone silent
            case Removed(name):
                self._assembly.remove(name)
            case Printed(content):
                make_private(self._log.parent)
                with open(self._log, "ab", opener=private) as file:
                    file.write(content)
            case _:
                self._pass_on(message)

    def _is_long_transfer(self) -> bool:
        self._pieces_since = self._pieces_since or self._heard_at
        return time.monotonic() - self._pieces_since >= LONG_TRANSFER_SECONDS

    def _pass_on(self, message: FromWorker) -> None:
        self._started()
        self._send(Event(self._worker, message))

    def _cause(self, error: Exception) -> str:
        """Return why an actor is gone, as the end of a sentence that begins with its worker."""
        from ray import exceptions

        from besom.workers.ray.cluster import last_lines

        node = self._node or "a node"
        match error:
            case exceptions.RuntimeEnvSetupError():
                text = f"hydra.sweeper.ray.runtime_env fails: {last_lines(error)}"
                self._send(PoolRefused(text))
                return text
            case exceptions.OutOfMemoryError():
                return f"was ended by Ray: {node} runs out of memory"
            case exceptions.ObjectLostError():
                return f"was lost with {node}"
            case exceptions.ActorUnavailableError():
                return f"was lost: {node} does not answer"
            case exceptions.ActorDiedError(actor_init_failed=False) if self._node:
                is_there = self._node_is_alive(self._node_id)
                return f"was killed on {node}" if is_there else f"was lost with {node}"
        return f"fails on {node}: {last_lines(error)}"
