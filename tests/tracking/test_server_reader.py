"""What is read from a real MLflow server is what its database holds; errors come in a line."""

import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from mlflow import MlflowClient

from besom.common.errors import StoreError
from besom.tracking import connect, schema
from besom.tracking.reader import DatabaseReader, Reader
from besom.tracking.server_reader import ServerReader
from tests.servers import MlflowServer

STUDY, QUOTED = "plain study", "it's a study"


@dataclass(frozen=True)
class Recorded:
    """The same runs by both ways, and the run that has been deleted."""

    server: ServerReader
    database: DatabaseReader
    deleted: str
    kept: str


@pytest.fixture(scope="module")
def recorded(empty_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    folder = tmp_path_factory.mktemp("server")
    database = folder / "served.db"
    database.write_bytes(empty_database.read_bytes())
    server = MlflowServer(folder, database)
    with server.up():
        ids = {}
        with connect(folder / "own", server.address, "besom") as record:
            for study in (STUDY, QUOTED):
                parent = record.start_run(study, {schema.STUDY: study, schema.ROLE: "sweep"})
                for name in ("kept", "deleted"):
                    run_id = record.start_run(name, {schema.STUDY: study}, parent, {"x": 1})
                    for step, loss in ((1, 0.5), (2, 0.4)):
                        record.metrics(run_id, step, {"loss": loss})
                    record.text(run_id, schema.CONFIG_FILE, f"name: {name}\n")
                    record.finish(run_id, "FINISHED", {schema.STATE: "complete"}, {})
                    record.confirm(run_id)
                    ids[study, name] = run_id
        client = MlflowClient(server.address)
        for study in (STUDY, QUOTED):
            client.delete_run(ids[study, "deleted"])
        client.log_metric(ids[STUDY, "kept"], "loss", 0.3, step=2)  # a step told once more
        yield Recorded(
            ServerReader(server.address),
            DatabaseReader(f"sqlite:///{database}"),
            ids[STUDY, "deleted"],
            ids[STUDY, "kept"],
        )


@pytest.mark.parametrize("study", [STUDY, QUOTED, "nothing"])
def test_a_study_is_what_the_database_holds(study: str, recorded: Recorded) -> None:
    found = recorded.server.study(study)
    assert found == recorded.database.study(study)
    assert [run.name for run in found] == ([study, "kept"] if study != "nothing" else [])


def test_runs_studies_and_points_are_what_the_database_holds(recorded: Recorded) -> None:
    server, database = recorded.server, recorded.database
    ids = [recorded.kept, recorded.deleted, "0" * 32]
    assert server.studies() == database.studies() == [STUDY, QUOTED]
    assert set(server.run_ids()) == set(database.run_ids())
    assert server.runs(ids) == database.runs(ids) != []
    points = server.points([recorded.kept])
    assert points == database.points([recorded.kept])
    assert [(point.step, point.value) for point in points] == [(1, 0.5), (2, 0.3)]
    assert server.text(recorded.kept, schema.CONFIG_FILE) == "name: kept\n"
    assert server.text(recorded.kept, "other.yaml") is None


def test_a_study_is_asked_for_by_its_tag(
    recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    search = MlflowClient.search_runs

    def listening(client: MlflowClient, ids: list[str], query: str = "", **more: object) -> object:
        asked.append(query)
        return search(client, ids, query, **more)

    monkeypatch.setattr(MlflowClient, "search_runs", listening)
    recorded.server.study(STUDY)
    assert asked == [f"tags.`besom.study` = '{STUDY}'"]


def check_refusals(reader: Reader, reason: str) -> None:
    for ask in (
        reader.studies,
        reader.run_ids,
        lambda: reader.study(STUDY),
        lambda: reader.runs(["0" * 32]),
        lambda: reader.points(["0" * 32]),
        lambda: reader.text("0" * 32, schema.CONFIG_FILE),
    ):
        with pytest.raises(StoreError, match=reason) as refused:
            ask()
        assert len(str(refused.value).splitlines()) == 2


@pytest.mark.parametrize("status", [401, 403])
def test_a_server_that_refuses_access(status: int) -> None:
    class Refusing(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(status)

        do_POST = do_GET

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Refusing) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            check_refusals(ServerReader(f"http://127.0.0.1:{server.server_port}"), str(status))
        finally:
            server.shutdown()
            thread.join()


def test_a_server_that_is_gone() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    check_refusals(ServerReader(f"http://127.0.0.1:{port}"), "refused")


def test_artifacts_that_cannot_be_reached(root: Path) -> None:
    """A place that another kind of machine could read, such as a bucket in a cloud."""
    uri = f"sqlite:///{root / 'mlflow.db'}"
    client = MlflowClient(uri)
    experiment = client.create_experiment("far", artifact_location="unheard-of://bucket/x")
    run = client.create_run(experiment)
    with pytest.raises(StoreError, match=f"the files of run {run.info.run_id} cannot be read"):
        DatabaseReader(uri).text(run.info.run_id, schema.CONFIG_FILE)
