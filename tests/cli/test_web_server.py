"""A web server as a child process: it must start, and must end with its parent."""

import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest

from besom.cli.web_server import Server, allowed_hosts, run_server
from besom.common.errors import UserError
from tests.servers import free_port

SERVE = """
import sys
from pathlib import Path
from besom.cli.web_server import Server, run_server
command = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", sys.argv[1]]
server = Server("A server", command, int(sys.argv[1]), "/", {"SEEN": "yes"})
run_server(server, Path("here"), "files")
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_told_to_end(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "a-file").touch()
    port = free_port()
    command = [sys.executable, "-c", SERVE, str(port)]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"starting A server for here\n"
        shown = process.stdout.readline().decode()
        assert shown == f"http://127.0.0.1:{port}  shows files in here; Ctrl-C ends it\n"
        assert b"a-file" in urlopen(f"http://127.0.0.1:{port}/").read()
        process.send_signal(number)
        process.communicate(timeout=30)
        assert process.returncode == 0
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", port)).close()


def test_a_server_that_does_not_start_says_why() -> None:
    program = "import os, sys; print('first'); sys.exit('no ' + os.environ['SEEN'])"
    server = Server(
        "A server", [sys.executable, "-uc", program], free_port(), "/", {"SEEN": "disk"}
    )
    with pytest.raises(UserError, match=r"^A server does not start: first \| no disk$"):
        run_server(server, Path("here"), "files")


ONE_ANSWER = """
import sys
from http.server import HTTPServer, SimpleHTTPRequestHandler
HTTPServer(("127.0.0.1", int(sys.argv[1])), SimpleHTTPRequestHandler).handle_request()
sys.exit("out of memory")
"""


def test_a_server_that_ends_by_itself_says_why(tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-uc", ONE_ANSWER, str(port)]
    server = Server("A server", command, port, "/", folder=tmp_path)
    said = r"^A server has ended by itself, with exit code 1: .*out of memory\nGive the same"
    with pytest.raises(UserError, match=said):
        run_server(server, Path("here"), "files")


def test_only_names_of_this_machine_are_allowed() -> None:
    assert allowed_hosts(80) == ["127.0.0.1:80", "localhost:80"]
    assert allowed_hosts(80, "192.0.2.7")[2:] == ["192.0.2.7:80"]
    assert f"{socket.gethostname()}:80" in allowed_hosts(80, "0.0.0.0")


def test_another_address_says_what_it_exposes(tmp_path: Path) -> None:
    port = free_port()
    program = SERVE.replace('"127.0.0.1", sys', '"0.0.0.0", sys').replace(
        '{"SEEN": "yes"})', '{"SEEN": "yes"}, "0.0.0.0")'
    )
    command = [sys.executable, "-c", program, str(port)]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE) as process:
        assert process.stdout
        warning = process.stdout.readline().decode()
        assert "--host 0.0.0.0" in warning and "no login" in warning
        process.stdout.readline()
        assert process.stdout.readline().decode().startswith(f"http://127.0.0.1:{port}  shows")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
        assert process.returncode == 0


def test_an_address_of_another_machine_is_refused() -> None:
    for host in ("192.0.2.7", "no such name"):
        with pytest.raises(UserError, match=r"cannot be used|no address"):
            run_server(Server("A server", [], free_port(), "/", host=host), Path("here"), "files")
