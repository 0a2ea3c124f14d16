"""Runs MLflow's web interface, or another web server, as a child process until Ctrl-C.

Only this machine can reach the server, unless another host is given.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import webbrowser
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO
from urllib.request import urlopen

from besom.common.addresses import OWN_HOST
from besom.common.errors import StoreError, UserError
from besom.common.sqlite import readable_file
from besom.results.pages import Page
from besom.tracking.address import own_address, sqlite_path

EVERYWHERE = ("0.0.0.0", "::")
# "Port blocking" of the Fetch standard (WHATWG): browsers send no requests there.
_BLOCKED = """
0 1 7 9 11 13 15 17 19 20 21 22 23 25 37 42 43 53 69 77 79 87 95 101 102 103 104 109 110 111 113 115
117 119 123 135 137 139 143 161 179 389 427 465 512 513 514 515 526 530 531 532 540 548 554 556 563
587 601 636 989 990 993 995 1719 1720 1723 2049 3659 4045 4190 5060 5061 6000 6566 6665 6666 6667
6668 6669 6679 6697 10080
"""
BLOCKED = frozenset(map(int, _BLOCKED.split()))
START_TIMEOUT_SECONDS = 120.0
END_TIMEOUT_SECONDS = 10.0
ENDING = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True)
class Server:
    """How to start a web server that listens at ``port`` of ``host``.

    Attributes:
        name: the server's name in messages.
        command: the words that start it.
        health: a path that it answers once it is up.
        environment: variables that it gets in addition to those of this process.
        folder: its working folder; None for that of this process.
        takes: how long it takes to start, where that is more than a moment.
    """

    name: str
    command: Sequence[str]
    port: int
    health: str
    environment: Mapping[str, str] = field(default_factory=dict)
    host: str = OWN_HOST
    folder: Path | None = None
    takes: str = ""

    @property
    def address(self) -> str:
        """The address at which this machine reaches it."""
        host = OWN_HOST if self.host in EVERYWHERE else self.host
        return f"http://{host}:{self.port}"


def serve(
    root: Path,
    port: int,
    host: str = OWN_HOST,
    uri: str | None = None,
    find_pages: Callable[[], Sequence[Page]] = tuple,
    opens: bool = False,
) -> None:
    """Serve the runs of ``root`` at an address of this machine until interrupted.

    Args:
        uri: the address of the SQLite file that holds the runs, where it is not below ``root``.
        find_pages: called while the server starts; returns the pages to print once it is up.
        opens: whether to open the first of these pages in a browser.

    Raises:
        StoreError: there is nothing to serve.
        UserError: the port cannot be used, or the server does not start, or ends by itself.
    """
    database = sqlite_path(uri or own_address(root))
    assert database is not None
    if not database.exists():
        raise StoreError(
            f"{database.parent if uri else root} holds no runs yet: there is no {database.name}.\n"
            "Run `besom train` first, or name the right folder with --root."
        )
    artifacts = database.parent / "artifacts"
    server = _mlflow(readable_file(database), artifacts, port, host)
    run_server(server, database.parent if uri else root, "the runs", find_pages, opens)


def _mlflow(database: Path, artifacts: Path, port: int, host: str) -> Server:
    command = [sys.executable, "-m", "mlflow", "server"]
    # Relative to its working folder: MLflow would make folders of what a full address escapes.
    command += ["--backend-store-uri", f"sqlite:///{database.name}", "--no-serve-artifacts"]
    command += ["--default-artifact-root", artifacts.as_uri()]
    command += ["--app-name", "besom"]  # see besom.tracking.server
    command += ["--host", host, "--port", str(port), "--workers", "1"]
    command += ["--allowed-hosts", ",".join(allowed_hosts(port, host))]
    environment = {
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": os.environ.get("MLFLOW_DISABLE_TELEMETRY", "true"),
    }
    # It loads all of MLflow, twice: its command, and the server that this starts.
    takes = "about 10 s, and longer while sweeps run"
    return Server("MLflow", command, port, "/health", environment, host, database.parent, takes)


def run_server(
    server: Server,
    root: Path,
    shown: str,
    find_pages: Callable[[], Sequence[Page]] = tuple,
    opens: bool = False,
) -> None:
    """Serve ``shown``, which is in the folder ``root``, until interrupted.

    Args:
        find_pages, opens: as in :func:`serve`.

    Raises:
        UserError: the port cannot be used, or the server does not start, or ends by itself.
    """
    _check_place(server.host, server.port)
    if server.host != OWN_HOST:
        print(
            f"--host {server.host}: all that reach port {server.port} see {shown}, and may be "
            "able to change them; there is no login",
            flush=True,
        )
    takes = f"; it takes {server.takes}" if server.takes else ""
    print(f"starting {server.name} for {root}{takes}", flush=True)
    with tempfile.TemporaryFile() as log, _running(server, log) as process:
        pages = find_pages()
        _await(process, server, log)
        print(f"{server.address}  shows {shown} in {root}; Ctrl-C ends it", flush=True)
        announce(server.address, pages, opens)
        code = process.wait()
        raise UserError(
            f"{server.name} has ended by itself, with exit code {code}: {_last_lines(log)}\n"
            "Give the same command again to start another."
        )


def announce(server: str, pages: Sequence[Page], opens: bool) -> None:
    """Print the pages of a server, and open the first in a browser where ``opens`` is true."""
    links = [f"{server}/{page.address}" for page in pages]
    for page, link in zip(pages, links, strict=True):
        print(f"{page.shows}:\n  {link}", flush=True)
    if opens and links:
        webbrowser.open(links[0])


def allowed_hosts(port: int, host: str = OWN_HOST) -> list[str]:
    """Return the host names that a browser may use for a server; others are DNS rebinding."""
    names = [OWN_HOST, "localhost"]
    if host in EVERYWHERE:
        names += [socket.gethostname(), *_own_addresses()]
    elif host not in names:
        names.append(host)
    return [f"{name}:{port}" for name in names]


def _own_addresses() -> list[str]:
    """Return this machine's addresses, as far as its own name resolves to them."""
    try:
        return sorted({str(info[4][0]) for info in socket.getaddrinfo(socket.gethostname(), None)})
    except OSError:
        return []


def _check_place(host: str, port: int) -> None:
    if port in BLOCKED:
        raise UserError(f"port {port} is one that browsers refuse; choose another with --port")
    try:
        family, kind, *_, (address, *_) = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise UserError(f"--host {host} is no address of this machine; leave it away") from error
    with socket.socket(family, kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except (OSError, OverflowError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not below 65536"
            raise UserError(
                f"port {port} cannot be used: {reason}.\nChoose another with --port."
            ) from error


@contextmanager
def _running(server: Server, log: IO[bytes]) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a server process inside the block, and end it however the block ends."""
    # A session of its own: Ctrl-C reaches this process only, which then ends the server's group.
    process = subprocess.Popen(
        server.command,
        env=os.environ | server.environment,
        cwd=server.folder,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    # SIGINT too: a shell that starts this process in the background makes it ignore SIGINT.
    before = {number: signal.signal(number, _interrupt) for number in ENDING}
    try:
        yield process
    except KeyboardInterrupt:
        pass
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _end(process)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _end(process: "subprocess.Popen[bytes]") -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(END_TIMEOUT_SECONDS)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue


def _await(process: "subprocess.Popen[bytes]", server: Server, log: IO[bytes]) -> None:
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while not _answers(f"{server.address}{server.health}"):
        if process.poll() is not None or time.monotonic() > deadline:
            raise UserError(f"{server.name} does not start: {_last_lines(log)}")
        time.sleep(0.2)


def _last_lines(log: IO[bytes]) -> str:
    log.seek(0)
    lines = log.read().decode(errors="replace").strip().splitlines()
    return " | ".join(lines[-2:]) or "it has printed nothing"


def _answers(address: str) -> bool:
    try:
        with urlopen(address, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
