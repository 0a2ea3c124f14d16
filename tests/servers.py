"""Starts web servers for tests, above all MLflow's."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

PATIENCE_SECONDS = 120.0
QUIET = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}


@contextmanager
def running(
    command: Sequence[str], health: str, folder: Path, environment: Mapping[str, str]
) -> Iterator[int]:
    """Start a server, wait until it answers at ``health``, and kill its process group at the end.

    Yields the id of the process group. ``folder`` is its working folder, and holds its log.
    """
    log = folder / "server.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            command,
            cwd=folder,
            env=os.environ | environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not _answers(health):
            assert server.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)
        yield server.pid
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


class MlflowServer:
    """An MLflow server with one database: a SQLite file, or any address."""

    def __init__(self, folder: Path, database: Path | str) -> None:
        port = free_port()
        backend = database if isinstance(database, str) else f"sqlite:///{database}"
        self.address = f"http://127.0.0.1:{port}"
        self._folder = folder
        self._command = [
            *(sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"),
            *("--backend-store-uri", backend),
            *("--artifacts-destination", str(folder / "served")),
        ]

    def up(self) -> AbstractContextManager[int]:
        """Run the server for the length of the block; yield the id of its process group."""
        return running(self._command, f"{self.address}/health", self._folder, QUIET)


@contextmanager
def hanging(group: int) -> Iterator[None]:
    """Suspend a process group for the length of the block.

    A suspended server accepts connections but does not answer.
    """
    os.killpg(group, signal.SIGSTOP)
    try:
        yield
    finally:
        os.killpg(group, signal.SIGCONT)


def free_port() -> int:
    """Return a port of 127.0.0.1 on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


def post(address: str, body: Any) -> Any:
    """Post ``body`` as JSON; return the decoded answer."""
    request = Request(address, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urlopen(request, timeout=60) as answer:
        return json.load(answer)


def _answers(address: str) -> bool:
    try:
        with urlopen(address, timeout=2) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False
