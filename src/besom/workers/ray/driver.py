"""Ray's driver: a process of its own, since Ray ends its driver when it loses the cluster.

Its main thread does what the supervisor says; a thread for each worker passes on what that says.
When the supervisor is gone, so is the driver, and with it all actors, which belong to it.
"""

import os
import secrets
import signal
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from besom.common.errors import ClusterError
from besom.common.files import make_private, private
from besom.workers.messages import Event, FromWorker, ToWorker, WorkerExited
from besom.workers.pool import log_file
from besom.workers.ray.files import Assembly, kept, pieces
from besom.workers.ray.protocol import (
    Arrived,
    End,
    FromActor,
    Home,
    Piece,
    Printed,
    RaySettings,
    Refused,
    Removed,
    Room,
    Send,
    Start,
)

OF_OWN_CLUSTER = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # on any system: listen on the loopback device alone
    "RAY_AUTH_MODE": "token",  # which keeps out others of this machine
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # who asks for no GPU sees all, as without Ray
}
"""Variables that Ray reads when it is imported."""

LOOK_SECONDS = 0.5
"""Between looks for nodes that have come."""
END_SECONDS = 5.0
"""After which a worker is killed by Ray that did not end when it was told to."""
NODE_DIED = "actor's node was terminated"
"""In what Ray says of an actor that was to run there."""
IN_FLIGHT = 8
"""Objects of one actor that the driver has not taken yet: pieces of files, most of all."""


def main(
    connection: Connection,
    settings: RaySettings,
    home: Home,
    needs: Mapping[str, float],
    variables: Mapping[str, str],
    growth_limit: int,
) -> None:
    """The life of the driver: join the cluster, then follow the supervisor until it hangs up.

    Args:
        connection: to the supervisor; the first to come is the application.
        needs: Ray's resources of one worker.
        variables: of each worker's environment.
    """
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _print_to(os.devnull)
    payload = connection.recv_bytes()
    sending = threading.Lock()

    def send(message: Event | Room | Refused) -> None:
        with sending:
            connection.send(message)

    if settings.address is None:
        os.environ |= OF_OWN_CLUSTER | {"RAY_AUTH_TOKEN": secrets.token_hex(32)}
    try:
        from besom.workers.ray.cluster import Cluster

        cluster = Cluster(settings, home, needs)
    except ClusterError as error:
        send(Refused(str(error)))
        return
    driver = _Driver(payload, home, needs, variables, growth_limit, send, cluster.node_is_alive)
    try:
        send(Room(cluster.room()))
        threading.Thread(target=_tell_room, args=(cluster.room, send), daemon=True).start()
        while True:
            driver.do(connection.recv())
    except (EOFError, OSError):
        driver.stop()
        cluster.close()
    os._exit(0)  # threads may still wait for actors


def _print_to(file: str) -> None:
    descriptor = private(file, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(descriptor, stream)
    os.close(descriptor)


def _tell_room(room: Callable[[], int], send: Callable[[Room], None]) -> None:
    known = room()
    while True:
        time.sleep(LOOK_SECONDS)
        if (now := room()) != known:
            known = now
            send(Room(now))


class _Driver:
    """The actors, by worker."""

    def __init__(
        self,
        payload: bytes,
        home: Home,
        needs: Mapping[str, float],
        variables: Mapping[str, str],
        growth_limit: int,
        send: Callable[[Event | Refused], None],
        node_is_alive: Callable[[str], bool],
    ) -> None:
        import ray

        from besom.workers.ray.actor import WorkerActor

        self._home = home
        self._send = send
        self._node_is_alive = node_is_alive
        named = {"CPU": "num_cpus", "GPU": "num_gpus", "memory": "memory"}
        self._make_actor = ray.remote(WorkerActor).options(
            max_concurrency=8,
            max_restarts=0,
            max_task_retries=0,
            **{named[name]: amount for name, amount in needs.items()},
        )
        self._arguments = (ray.put(payload), home, variables, growth_limit)
        self._workers: dict[int, _RemoteWorker] = {}

    def do(self, command: Start | Send | End) -> None:
        worker = self._workers.get(command.worker)
        match command:
            case Start() if worker is None or worker.has_exited:
                make = partial(self._make_actor.remote, command.worker, *self._arguments)
                self._workers[command.worker] = _RemoteWorker(
                    command.worker, make, self._home, self._send, self._node_is_alive
                )
            case Send(message=message, files=files) if worker:
                worker.send(message, files)
            case End(cause=cause) if worker:
                worker.end(cause)

    def stop(self) -> None:
        for worker in self._workers.values():
            worker.ask_to_stop()
        deadline = time.monotonic() + END_SECONDS
        for worker in self._workers.values():
            worker.kill_at(deadline)


class _RemoteWorker:
    """An actor, and the thread that hears it. The last event is always ``WorkerExited``."""

    def __init__(
        self,
        worker: int,
        make: Callable[[], Any],
        home: Home,
        send: Callable[[Event | Refused], None],
        node_is_alive: Callable[[str], bool],
    ) -> None:
        self._worker = worker
        self._make = make
        self._actor = make()
        self._home = home
        self._send = send
        self._node_is_alive = node_is_alive
        self._node = self._node_id = ""
        self._ended_for = ""
        self._stopping: Any = None
        self._log = log_file(home.logs, worker)
        self._assembly = Assembly(home.jobs)
        self.has_exited = False
        threading.Thread(target=self._hear, name=f"besom-worker-{worker}", daemon=True).start()

    def send(self, message: ToWorker, files: Path | None) -> None:
        for file in kept(files) if files else ():
            import ray

            for piece in pieces(file, str(file.relative_to(self._home.jobs))):
                ray.wait([self._actor.put.remote(piece)])
        self._actor.send.remote(message)

    def end(self, cause: str) -> None:
        """Now, by its own pool; by Ray where that does not answer, as before it has a place."""
        self._ended_for = self._ended_for or cause
        self._actor.end.remote(cause)
        timer = threading.Timer(END_SECONDS if self._node else 0, self._kill)
        timer.daemon = True
        timer.start()

    def ask_to_stop(self) -> None:
        if self._node and not self.has_exited:
            self._stopping = self._actor.stop.remote()

    def kill_at(self, deadline: float) -> None:
        """Once it has stopped, and at that time at the latest."""
        import ray

        if self._stopping:
            ray.wait([self._stopping], timeout=max(0.0, deadline - time.monotonic()))
        self._kill()

    def _kill(self) -> None:
        import ray

        ray.kill(self._actor)

    def _hear(self) -> None:
        while (cause := self._heard_to_the_end()) is None:
            self._actor = self._make()
        self._kill()
        self.has_exited = True
        self._pass_on(WorkerExited(self._ended_for or cause))

    def _heard_to_the_end(self) -> str | None:
        """Pass on what the actor says; why it has ended. None where it never came to its node,
        which Ray had not yet found to be dead: another one takes its place."""
        import ray
        from ray.exceptions import RayError

        cause = ""
        try:
            said = self._actor.messages.options(
                num_returns="streaming", _generator_backpressure_num_objects=IN_FLIGHT
            ).remote()
            for reference in said:
                for message in ray.get(reference):
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
                    self._send(Refused(f"{text}; install the same on all nodes."))
            case Piece() as piece:
                self._assembly.add(piece)
            case Removed(name):
                self._assembly.remove(name)
            case Printed(content):
                make_private(self._log.parent)
                with open(self._log, "ab", opener=private) as file:
                    file.write(content)
            case _:
                self._pass_on(message)

    def _pass_on(self, message: FromWorker) -> None:
        self._send(Event(self._worker, message))

    def _cause(self, error: Exception) -> str:
        """Why an actor is gone, as the end of a sentence that begins with its worker."""
        from ray import exceptions

        from besom.workers.ray.cluster import last_lines

        node = self._node or "a node"
        match error:
            case exceptions.RuntimeEnvSetupError():
                text = f"hydra.sweeper.ray.runtime_env fails: {last_lines(error)}"
                self._send(Refused(text))
                return text
            case exceptions.OutOfMemoryError():
                return f"was ended by Ray: {node} runs out of memory"
            case exceptions.ActorUnavailableError():
                return f"was lost: {node} does not answer"
            case exceptions.ActorDiedError(actor_init_failed=False) if self._node:
                is_there = self._node_is_alive(self._node_id)
                return f"was killed on {node}" if is_there else f"was lost with {node}"
        return f"fails on {node}: {last_lines(error)}"
