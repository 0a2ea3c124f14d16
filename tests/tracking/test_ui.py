import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from besom.cli.ui import serve
from besom.common.errors import StoreError, UserError
from besom.tracking import Record

SERVE = "import sys; from pathlib import Path; from besom.cli.ui import serve; "
SERVE += "serve(Path(sys.argv[1]), int(sys.argv[2]))"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def rename(address: str, run_id: str, origin: str | None) -> int:
    """Change a run as a page of ``origin`` would, None for a program; the answer's status."""
    body = json.dumps({"run_id": run_id, "run_name": "renamed"}).encode()
    headers = {"Content-Type": "application/json"} | ({"Origin": origin} if origin else {})
    request = Request(f"{address}/api/2.0/mlflow/runs/update", body, headers, method="POST")
    try:
        return int(urlopen(request).status)
    except HTTPError as refusal:
        return refusal.code


def test_it_answers_on_this_machine_until_ctrl_c(root: Path, record: Record) -> None:
    run_id = record.start_run("shown", {})
    record.text(run_id, "note.txt", "see me")
    record.flush()
    port = free_port()
    command = [sys.executable, "-c", SERVE, str(root), str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == f"starting MLflow for {root}\n".encode()
        assert process.stdout.readline().startswith(f"http://127.0.0.1:{port}".encode())
        address = f"http://127.0.0.1:{port}"
        assert b"<html" in urlopen(address).read().lower()
        run = urlopen(f"{address}/api/2.0/mlflow/runs/get?run_id={run_id}").read()
        assert b"shown" in run
        text = urlopen(f"{address}/get-artifact?path=note.txt&run_uuid={run_id}").read()
        assert text == b"see me"
        with pytest.raises(HTTPError, match="403"):
            urlopen(Request(address, headers={"Host": "attacker.example"}))
        assert rename(address, run_id, origin=None) == 200
        assert rename(address, run_id, origin=address) == 200
        for elsewhere in (f"http://127.0.0.1:{port + 1}", "http://attacker.example", "null"):
            assert rename(address, run_id, origin=elsewhere) == 403
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
        assert (process.returncode, out, err) == (0, b"", b"")
    deadline = time.monotonic() + 20
    while is_open(port) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not is_open(port)


def test_no_runs_yet(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"holds no runs yet.*\nRun `besom train` first"):
        serve(tmp_path, 5000)


def test_the_port_is_taken(root: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(UserError, match=rf"port {port} cannot be used: Address already in use"):
            serve(root, port)


@pytest.mark.parametrize("port", [-1, 65536])
def test_no_port(root: Path, port: int) -> None:
    with pytest.raises(UserError, match=f"port {port} cannot be used"):
        serve(root, port)
