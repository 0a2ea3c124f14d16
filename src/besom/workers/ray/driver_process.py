"""The driver's process, as the supervisor sees it."""

import multiprocessing
import os
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from besom.app.modules.main_module import kept_from_multiprocessing
from besom.common.errors import ClusterError
from besom.workers.ray import driver
from besom.workers.ray.protocol import (
    Broken,
    End,
    FromDriver,
    Joined,
    PoolRefused,
    RaySettings,
    Room,
    Send,
    Start,
)
from besom.workers.signals import signals_held

CONNECT_SECONDS = 90
"""Seconds within which Ray must start, or be joined and be sent the working folder."""
SETUP_SECONDS = 600
"""Ray's default of the seconds within which a node must build the runtime environment."""
STOP_SECONDS = 15
"""Seconds within which the driver must end its actors, and Ray itself if the sweep started it."""


def setup_seconds(settings: RaySettings) -> float | None:
    """Return within how many seconds a node must answer that builds the runtime environment; None
    for no limit. Ray's own limit ends first."""
    config = settings.runtime_env.get("config")
    given = config.get("setup_timeout_seconds") if isinstance(config, Mapping) else None
    seconds = given if isinstance(given, int) else SETUP_SECONDS  # Ray has refused any other
    return None if seconds < 0 else seconds + CONNECT_SECONDS


def error_of(said: PoolRefused | Broken) -> Exception:
    """Return what the supervisor raises: a ClusterError, or a RuntimeError for a bug."""
    if isinstance(said, PoolRefused):
        return ClusterError(said.text)
    return RuntimeError(f"the driver of Ray has failed:\n{said.traceback}")


class DriverProcess:
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

    def first_room(self, setup_seconds: float | None) -> int:
        """Wait for the cluster; return how many workers it has room for.

        Args:
            setup_seconds: how long a node may take to build the runtime environment.
        """
        joined = self._heard_within(CONNECT_SECONDS, "Ray has not started")
        assert isinstance(joined, Joined), joined
        env = "hydra.sweeper.ray.runtime_env"
        room = self._heard_within(
            setup_seconds,
            f"{env}: no node has built it",
            f"Give it more time: {env}={{config: {{setup_timeout_seconds: …}}}}.",
        )
        assert isinstance(room, Room), room
        return room.n_workers

    def _heard_within(self, seconds: float | None, otherwise: str, remedy: str = "") -> FromDriver:
        """Return the driver's next message.

        Raises:
            ClusterError: it has not come in time, or says that the cluster cannot be used.
        """
        if not self._connection.poll(seconds):
            raise ClusterError(f"{otherwise} within {seconds:g} s.\n{remedy}".rstrip())
        heard = self._receive()
        if isinstance(heard, PoolRefused | Broken):
            raise error_of(heard)
        return heard

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
