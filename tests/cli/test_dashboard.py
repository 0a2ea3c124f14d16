"""``besom ui --optuna``: the dashboard shows the studies and cannot change them."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import optuna
import pytest
import sqlalchemy

from besom.cli.dashboard import only_for, read_only, serve
from besom.common.errors import StoreError, UserError
from besom.common.states import State
from besom.search.storage.database import open_confirmations, open_study
from tests.servers import free_port

SERVE = "import sys; from pathlib import Path; from besom.cli.dashboard import serve; "
SERVE += "serve(Path(sys.argv[1]), int(sys.argv[2]))"


@pytest.fixture
def studies(tmp_path: Path) -> Path:
    """Return a root with a study of one trial; addresses must quote the name of the root."""
    root = tmp_path / "my runs #1 100%"
    root.mkdir()
    study = open_study("small", f"sqlite:///{root / 'optuna.db'}", ["minimize"])
    row = study.ask({"x": optuna.distributions.FloatDistribution(0, 1)})
    study.report(row.number, 1, 0.5)
    study.tell(row.number, State.COMPLETE, [0.5])
    open_confirmations(study, "minimize")
    return root


def names(root: Path) -> list[str]:
    return optuna.get_all_study_names(f"sqlite:///{root / 'optuna.db'}")


def ask(address: str, method: str = "GET", body: Any = None, **headers: str) -> Any:
    data = None if body is None else json.dumps(body).encode()
    headers |= {"Content-Type": "application/json"}
    with urlopen(Request(address, data, headers, method=method)) as answer:
        return json.loads(answer.read() or b"null")


@contextmanager
def served(root: Path) -> Iterator[str]:
    """Serve the dashboard and yield its address; Ctrl-C must end it without further output."""
    port = free_port()
    command = [sys.executable, "-c", SERVE, str(root), str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        try:
            assert process.stdout.readline().startswith(b"starting Optuna's dashboard for ")
            assert process.stdout.readline().startswith(f"http://127.0.0.1:{port}".encode())
            yield f"http://127.0.0.1:{port}"
        finally:
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, b"", b"")


def test_the_dashboard_shows_the_studies_and_cannot_change_them(studies: Path) -> None:
    pytest.importorskip("optuna_dashboard", reason="the extra besom[dashboard] is not installed")
    with served(studies) as address:
        assert b"<html" in urlopen(f"{address}/dashboard").read().lower()
        (found,) = ask(f"{address}/api/studies")["study_summaries"]
        assert found["study_name"] == "small"
        one = f"{address}/api/studies/{found['study_id']}"
        assert [trial["values"] for trial in ask(one)["trials"]] == [[0.5]]
        with pytest.raises(HTTPError, match="500"):
            ask(one, "DELETE")
        with pytest.raises(HTTPError, match="500"):
            ask(f"{address}/api/studies", "POST", {"study_name": "n", "directions": ["minimize"]})
        with pytest.raises(HTTPError, match="403"):
            ask(f"{address}/api/studies", Host="attacker.example")
    assert names(studies) == ["small", "small/confirmations"]


def test_an_address_that_only_reads(studies: Path) -> None:
    engine = sqlalchemy.create_engine(read_only(studies / "optuna.db"))
    with engine.connect() as connection:
        query = sqlalchemy.text("SELECT study_name FROM studies ORDER BY study_id")
        assert connection.execute(query).scalar() == "small"
        with pytest.raises(sqlalchemy.exc.OperationalError, match="readonly"):
            connection.execute(sqlalchemy.text("DELETE FROM studies"))


@pytest.mark.parametrize(
    ("host", "status"),
    [("127.0.0.1:80", "200 OK"), ("attacker.example", "403 Forbidden"), (None, "403 Forbidden")],
)
def test_a_foreign_name_is_not_served(host: str | None, status: str) -> None:
    said: list[str] = []

    def application(request: dict[str, Any], respond: Callable[..., Any]) -> list[bytes]:
        respond("200 OK", [])
        return [b"yes"]

    request = {} if host is None else {"HTTP_HOST": host}
    guarded = only_for(["127.0.0.1:80", "localhost:80"], application)
    answer = b"".join(guarded(request, lambda code, headers: said.append(code)))
    assert said == [status] and (answer == b"yes") == (status == "200 OK")


def test_no_study_yet(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"holds no study yet.*\nRun `besom sweep NAME` first"):
        serve(tmp_path, 8080)


def test_the_dashboard_is_not_installed(studies: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna_dashboard", None)
    with pytest.raises(UserError, match=r"pip install '\.\[dashboard\]'"):
        serve(studies, 8080)
