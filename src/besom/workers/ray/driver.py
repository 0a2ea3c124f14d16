"""Runs Ray's driver in a process of its own, since Ray ends its driver when the cluster is lost.

The main thread carries out the supervisor's commands; a thread for each worker passes on its
messages. When the supervisor is gone, the driver ends, and with it all its actors.
"""

import os
import queue
import secrets
import signal
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

from besom.common.files import private
from besom.workers.ray.protocol import (
    End,
    FromDriver,
    Home,
    Joined,
    RaySettings,
    Room,
    Send,
    Start,
)
from besom.workers.ray.remote_worker import END_SECONDS, RemoteWorker, failures_told

OF_OWN_CLUSTER = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # on any system: listen on the loopback device alone
    "RAY_AUTH_MODE": "token",  # which keeps out other users of this machine
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # if no GPU is asked for, all are seen
}
"""Variables that Ray reads when it is imported."""

LOOK_SECONDS = 0.5
"""Seconds between looks for new nodes."""
HEAD_START_SECONDS = 4.0
"""Seconds that other workers wait at most until the first has started. If all start at once on few
cores, each takes as long as all together; with one worker started, the sweep goes on."""


def main(
    connection: Connection,
    settings: RaySettings,
    home: Home,
    needs: Mapping[str, float],
    variables: Mapping[str, str],
    growth_limit: int,
) -> None:
    """Join the cluster, then carry out the supervisor's commands until it hangs up.

    Args:
        connection: to the supervisor; the first message is the application.
        needs: Ray's resources of one worker.
        variables: of each worker's environment.
    """
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _print_to(os.devnull)
    payload = connection.recv_bytes()
    commands = _commands(connection)
    sending = threading.Lock()

    def send(message: FromDriver) -> None:
        with sending:
            connection.send(message)

    if settings.address is None:
        os.environ |= OF_OWN_CLUSTER | {"RAY_AUTH_TOKEN": secrets.token_hex(32)}
    with failures_told(send):
        from besom.workers.ray.cluster import Cluster

        cluster = Cluster(settings, home, needs)
        send(Joined())
        cluster.check()
        driver = _Driver(payload, home, needs, variables, growth_limit, send, cluster.node_is_alive)
        send(Room(cluster.room()))
        threading.Thread(target=_tell_room, args=(cluster.room, send), daemon=True).start()
        while command := commands.get():
            driver.do(command)
        driver.stop()
        cluster.close()
    os._exit(0)  # threads may still wait for actors


def _commands(connection: Connection) -> "queue.SimpleQueue[Start | Send | End | None]":
    """Return the queue of the supervisor's commands; None in it means that it has hung up. Then
    this process ends soon, whatever it waits for: Ray waits long for a cluster without answer."""
    commands: queue.SimpleQueue[Start | Send | End | None] = queue.SimpleQueue()

    def read() -> None:
        with suppress(EOFError, OSError):
            while True:
                commands.put(connection.recv())
        commands.put(None)
        time.sleep(2 * END_SECONDS)
        os._exit(1)

    threading.Thread(target=read, daemon=True).start()
    return commands


def _print_to(file: str) -> None:
    descriptor = private(file, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(descriptor, stream)
    os.close(descriptor)


def _tell_room(room: Callable[[], int], send: Callable[[Room], None]) -> None:
    known = 0
    while True:
        with suppress(Exception):  # of many kinds, while the head is away
            if (now := room()) != known:
                known = now
                send(Room(now))
        time.sleep(LOOK_SECONDS)


class _Driver:
    """Makes the actors, and passes commands on to them."""

    def __init__(
        self,
        payload: bytes,
        home: Home,
        needs: Mapping[str, float],
        variables: Mapping[str, str],
        growth_limit: int,
        send: Callable[[FromDriver], None],
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
        self._workers: dict[int, RemoteWorker] = {}
        self._one_has_started = threading.Event()

    def do(self, command: Start | Send | End) -> None:
        worker = self._workers.get(command.worker)
        match command:
            case Start() if worker is None or worker.has_exited:
                self._workers[command.worker] = RemoteWorker(
                    command.worker,
                    partial(self._make, command.worker, is_first=not self._workers),
                    self._home,
                    self._send,
                    self._node_is_alive,
                    self._one_has_started.set,
                )
            case Send(message=message, files=files) if worker:
                worker.send(message, files)
            case End(cause=cause) if worker:
                worker.end(cause)

    def _make(self, worker: int, is_first: bool) -> Any:
        if not is_first:
            self._one_has_started.wait(HEAD_START_SECONDS)
        return self._make_actor.remote(worker, *self._arguments)

    def stop(self) -> None:
        for worker in self._workers.values():
            worker.ask_to_stop()
        deadline = time.monotonic() + END_SECONDS
        for worker in self._workers.values():
            worker.kill_at(deadline)
