"""``besom ui STUDY``: MLflow's pages of a record, and the address that opens a study's trials."""

import base64
import json
import re
import signal
import socket
import subprocess
import sys
import time
import webbrowser
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from mlflow import MlflowClient

from besom.cli.web_server import serve
from besom.common.errors import StoreError, UserError
from besom.results.pages import pages
from besom.tracking import Record, connect, schema
from besom.tracking.pages.views import StudyView
from tests.browser import chromium, needs_browser
from tests.conftest import Command
from tests.servers import free_port

STUDY = "grün & 'blau', 50%"
BESOM = "import sys; from besom.cli.main import main; sys.exit(main())"
LOSSES = {0: 0.5, 1: 0.25, 2: 0.75, 3: 0.125}


def sweep(record: Record, study: str) -> str:
    """Record a study of four trials, a confirmation and a killed attempt; return its parent run."""
    tags = {schema.STUDY: study, schema.ROLE: "sweep", schema.SWEEP: study}
    facts = {"direction": "minimize", "objective": "loss"}
    parent = record.start_run(study, tags, params={"space.units": "range(8,65)", **facts})
    for number, loss in LOSSES.items():
        tags = {schema.STUDY: study, schema.ROLE: "trial", schema.TRIAL: str(number)}
        run_id = record.start_run(f"{study}/{number}", tags, parent, {"units": 8 * number, "z": 1})
        for step in (1, 2):
            record.metrics(run_id, step, {"loss": loss / step, "other": 1.0})
        end(record, run_id, "FINISHED", "complete")
    for role, status in (("confirmation", "FINISHED"), ("trial", "KILLED")):
        tags = {schema.STUDY: study, schema.ROLE: role}
        end(record, record.start_run(f"{study}/{role}", tags, parent), status, "dead")
    end(record, parent, "FINISHED", "finished")
    return parent


def end(record: Record, run_id: str, status: str, state: str) -> None:
    record.prepare_end(run_id, status, {schema.STATE: state}, {})
    record.end_run(run_id)


@dataclass(frozen=True)
class Served:
    """A record that MLflow serves, and what the command has printed."""

    address: str
    lines: list[str]
    client: MlflowClient
    text_run: str


@pytest.fixture(scope="module")
def served(empty_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Run ``besom ui`` until Ctrl-C, which must end it and its server without further output."""
    root = tmp_path_factory.mktemp("mlruns")
    (root / "mlflow.db").write_bytes(empty_database.read_bytes())
    with connect(root, None, "tests") as record:
        sweep(record, STUDY)
        run_id = record.start_run("shown", {})
        record.text(run_id, "note.txt", "see me")
    port = free_port()
    words = ["ui", STUDY, "--root", str(root), "--port", str(port), "--no-browser"]
    command = [sys.executable, "-c", BESOM, *words]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        lines = [process.stdout.readline().rstrip("\n") for _ in range(6)]
        yield Served(
            f"http://127.0.0.1:{port}",
            lines,
            MlflowClient(f"sqlite:///{root / 'mlflow.db'}"),
            run_id,
        )
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
        assert (process.returncode, out, err) == (0, "", "")
    deadline = time.monotonic() + 20
    while is_open(port) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not is_open(port)


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def status_of(request: Request | str) -> int:
    try:
        return int(urlopen(request).status)
    except HTTPError as refusal:
        return refusal.code


def test_it_names_the_pages_of_a_study(served: Served) -> None:
    starting, shows, table, link, _, charts = served.lines
    assert starting.startswith("starting MLflow for ")
    assert starting.endswith("; it takes about 10 s, and longer while sweeps run")
    assert shows.startswith(f"{served.address}  shows the runs in ")
    assert table == f"{STUDY}: its 4 trials, sorted by loss:"
    assert link.startswith(
        f"  {served.address}/#/experiments/1/runs?workflowType=machine_learning&"
    )
    assert charts == f"{link}&compareRunsMode=CHART"


def test_it_answers_programs_and_its_own_pages_only(served: Served) -> None:
    address, run_id = served.address, served.text_run
    assert b"<html" in urlopen(address).read().lower()
    assert b"shown" in urlopen(f"{address}/api/2.0/mlflow/runs/get?run_id={run_id}").read()
    text = urlopen(f"{address}/get-artifact?path=note.txt&run_uuid={run_id}").read()
    assert text == b"see me"
    assert status_of(Request(address, headers={"Host": "attacker.example"})) == 403
    body = json.dumps({"run_id": run_id, "run_name": "renamed"}).encode()

    def rename(origin: str | None) -> int:
        """Rename a run as a page of ``origin`` would, or a program if None; return the status."""
        headers = {"Content-Type": "application/json"} | ({"Origin": origin} if origin else {})
        return status_of(Request(f"{address}/api/2.0/mlflow/runs/update", body, headers))

    assert rename(None) == rename(address) == 200
    elsewhere = ("http://127.0.0.1:1", "http://attacker.example", "null")
    assert {rename(origin) for origin in elsewhere} == {403}


def test_there_is_no_assistant(served: Served) -> None:
    for path in ("config", "providers", "message"):
        for method in ("GET", "POST", "PUT"):
            place = f"{served.address}/ajax-api/3.0/mlflow/assistant/{path}"
            assert status_of(Request(place, b"{}", method=method)) == 404


@needs_browser
def test_the_address_leads_to_all_trials_sorted_without_a_click(served: Served) -> None:
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(served.lines[3].strip())
        losses = page.locator("[role=row] [col-id='metrics.`loss`'][role=gridcell]")
        losses.nth(3).wait_for()
        assert losses.all_text_contents() == ["0.0625", "0.125", "0.25", "0.375"]
        names = page.locator("[role=row] a", has_text=STUDY).all_text_contents()
        assert names == [f"{STUDY}/{number}" for number in (3, 1, 0, 2)]
        for hidden in ("MLflow Assistant", "Ask a question"):
            assert page.get_by_text(hidden).is_visible() is False
        assert page.locator("[role=dialog]").count() == 0
        page.set_viewport_size({"width": 800, "height": 900})
        assert losses.first.is_visible()

        page.set_viewport_size({"width": 1400, "height": 900})
        page.goto("about:blank")
        page.goto(served.lines[5].strip())
        page.locator(".js-plotly-plot .parcoords, .js-plotly-plot .scatterlayer").first.wait_for()
        assert page.get_by_text("Parallel Coordinates").is_visible()
        assert [
            url for url in asked if not url.startswith((served.address, "data:", "blob:"))
        ] == []


def test_a_view_is_made_anew_where_there_is_none(served: Served) -> None:
    """A view is missing in records of an earlier Besom, or where a user has deleted it."""
    (key,) = StudyView(STUDY, ["loss"], ["minimize"]).tags(0)
    kept = served.client.get_experiment("1").tags[key]
    packed = json.loads(kept)["state"].removeprefix("deflate;")
    state = json.loads(zlib.decompress(base64.b64decode(packed)))
    assert state["selectedColumns"] == [
        "metrics.`loss`",
        "tags.`besom.state`",
        "params.`units`",
        "metrics.`other`",
    ]
    served.client.delete_experiment_tag("1", key)
    root = Path(re.sub(r"^sqlite:///", "", served.client.tracking_uri)).parent
    table, _ = pages(root, None, None)
    assert table.address in served.lines[3]
    assert served.client.get_experiment("1").tags[key] == kept


@pytest.mark.parametrize("study", ["plain", "a b:c", "x" * 200, "100% #1 & más/…".replace("/", "")])
def test_every_name_of_a_study_is_one_of_a_tag(study: str) -> None:
    from mlflow.utils.validation import _validate_experiment_tag

    ((key, value),) = StudyView(study, ["loss"], ["minimize"], ["units"]).tags(0).items()
    _validate_experiment_tag(key, value)
    assert key.startswith(schema.VIEW_PREFIX)


def test_a_large_view_fits_into_a_tag() -> None:
    from mlflow.utils.validation import _validate_experiment_tag

    names = [f"a_group.of_parameters.with_a_long_name_{number}" for number in range(1000)]
    ((key, value),) = StudyView("large", ["loss"], ["minimize"], names, names).tags(0).items()
    _validate_experiment_tag(key, value)


def test_the_pages_of_a_server_are_named_and_it_is_not_started_again(
    served: Served, besom: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    monkeypatch.setenv("BROWSER", "some")
    ended = besom("ui", STUDY, "--tracking-uri", served.address)
    assert (ended.code, ended.out.splitlines(), ended.err) == (0, served.lines[2:], "")
    assert opened == [served.lines[3].strip()]
    wrong = besom("ui", STUDY[1:], "--tracking-uri", served.address, "--no-browser")
    assert wrong.code == 2 and f"did you mean `{STUDY}`?" in wrong.err
    assert len(opened) == 1


def test_a_record_without_a_study_has_a_page_of_all_runs(root: Path, record: Record) -> None:
    assert pages(root, None, None) == []
    record.start_run("alone", {})
    record.flush()
    assert [page.shows for page in pages(root, None, None)] == ["all runs"]


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


@pytest.mark.parametrize("port", [5061, 6000, 6665, 10080])
def test_a_port_that_browsers_refuse(root: Path, port: int) -> None:
    with pytest.raises(UserError, match=f"^port {port} is one that browsers refuse"):
        serve(root, port)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("ui STUDY --optuna", ["--optuna", "leave the rest away"]),
        ("ui --tracking-uri postgresql://me:secret@h/x", ["me:***@h", "mlflow server"]),
        ("ui a b", ["unrecognized arguments: b"]),
    ],
)
def test_a_mistake_is_said_in_a_line(besom: Command, words: str, says: list[str]) -> None:
    ended = besom(*words.split())
    assert ended.code == 2
    assert all(word in ended.err for word in says)
    assert len(ended.err.splitlines()) <= 2
