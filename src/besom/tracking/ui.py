"""MLflow's web interface for one root, for this machine only."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import IO
from urllib.error import URLError
from urllib.request import urlopen

from besom.errors import StoreError, UserError

HOST = "127.0.0.1"
PATIENCE_SECONDS = 120.0
FAREWELL_SECONDS = 10.0


def serve(root: Path, port: int) -> None:
    """Serve the runs of ``root`` on 127.0.0.1 until interrupted.

    Raises:
        StoreError: there is nothing to serve.
        UserError: the port cannot be used, or the server does not start.
    """
    database = root.absolute() / "mlflow.db"
    if not database.exists():
        raise StoreError(
            f"{root} holds no runs yet: there is no {database.name}.\n"
            "Run `besom train` first, or name the right folder with --root."
        )
    _check_port(port)
    print(f"starting MLflow for {root}", flush=True)
    with tempfile.TemporaryFile() as log, _server(database, port, log) as server:
        _await(server, port, log)
        print(f"http://{HOST}:{port}  shows the runs in {root}; Ctrl-C ends it", flush=True)
        server.wait()


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not below 65536"
            raise UserError(
                f"port {port} cannot be used: {reason}.\nChoose another with --port."
            ) from error


@contextmanager
def _server(database: Path, port: int, log: IO[bytes]) -> Iterator["subprocess.Popen[bytes]"]:
    """A server process that ends with this block, however the block ends."""
    command = [sys.executable, "-m", "mlflow", "server"]
    command += ["--backend-store-uri", f"sqlite:///{database}", "--no-serve-artifacts"]
    command += ["--default-artifact-root", (database.parent / "artifacts").as_uri()]
    command += ["--host", HOST, "--port", str(port), "--workers", "1"]
    # Names the browser may use; others are DNS rebinding.
    command += ["--allowed-hosts", f"{HOST}:{port},localhost:{port}"]
    environment = os.environ | {
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": os.environ.get("MLFLOW_DISABLE_TELEMETRY", "true"),
    }
    # A session of its own: Ctrl-C reaches this process only, which then ends the server's group.
    server = subprocess.Popen(
        command, env=environment, stdout=log, stderr=log, start_new_session=True
    )
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield server
    except KeyboardInterrupt:
        pass
    finally:
        signal.signal(signal.SIGTERM, before)
        _end(server)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _end(server: "subprocess.Popen[bytes]") -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(server.pid, number)
            server.wait(FAREWELL_SECONDS)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue


def _await(server: "subprocess.Popen[bytes]", port: int, log: IO[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not _answers(port):
        if server.poll() is not None or time.monotonic() > deadline:
            log.seek(0)
            lines = log.read().decode(errors="replace").strip().splitlines()
            raise UserError(f"MLflow's server does not start: {' | '.join(lines[-2:])}")
        time.sleep(0.2)


def _answers(port: int) -> bool:
    try:
        with urlopen(f"http://{HOST}:{port}/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False
