"""Both readers of one record, with an MLflow server and its database, and their errors."""

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
from besom.tracking.mlflow_readers import DatabaseReader, ServerReader
from besom.tracking.reader import Reader
from tests.servers import MlflowServer

STUDY, QUOTED = "plain study", "it's a study"


@dataclass(frozen=True)
class Recorded:
    """The readers of the same runs, by class name, and the run ids, by study and name."""

    readers: dict[str, Reader]
    ids: dict[tuple[str, str], str]


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
                ids[study, study] = parent
                for name in ("kept", "deleted"):
                    run_id = record.start_run(name, {schema.STUDY: study}, parent, {"x": 1})
                    for step, loss in ((1, 0.5), (2, 0.4)):
                        record.metrics(run_id, step, {"loss": loss})
                    record.text(run_id, schema.CONFIG_FILE, f"name: {name}\n")
                    record.prepare_end(run_id, "FINISHED", {schema.STATE: "complete"}, {})
                    record.end_run(run_id)
                    ids[study, name] = run_id
        client = MlflowClient(server.address)
        for study in (STUDY, QUOTED):
            client.delete_run(ids[study, "deleted"])
        client.log_metric(ids[STUDY, "kept"], "loss", 0.3, step=2)  # this step has two values
        readers = (ServerReader(server.address), DatabaseReader(f"sqlite:///{database}"))
        yield Recorded({type(reader).__name__: reader for reader in readers}, ids)


@pytest.fixture(params=["ServerReader", "DatabaseReader"])
def reader(request: pytest.FixtureRequest, recorded: Recorded) -> Reader:
    return recorded.readers[request.param]


@pytest.mark.parametrize("study", [STUDY, QUOTED, "nothing"])
def test_a_study_has_the_runs_that_are_not_deleted(
    study: str, reader: Reader, recorded: Recorded
) -> None:
    found = reader.study(study)
    assert [run.name for run in found] == ([study, "kept"] if study != "nothing" else [])
    keys = {run.tags[schema.KEY] for run in found}
    assert reader.names(study) == {run.run_id for run in found} | keys
    assert all(other.study(study) == found for other in recorded.readers.values())


def test_a_run_is_as_it_was_told(reader: Reader, recorded: Recorded) -> None:
    run_id = recorded.ids[STUDY, "kept"]
    (run,) = reader.runs([run_id, recorded.ids[STUDY, "deleted"], "0" * 32])
    assert (run.run_id, run.name, run.status) == (run_id, "kept", "FINISHED")
    assert run.params == {"x": "1"} and run.metrics == {"loss": 0.3}
    assert run.tags[schema.STUDY] == STUDY and run.tags[schema.STATE] == "complete"
    assert run.ended is not None and run.started <= run.ended
    points = reader.points([run_id])
    assert [(point.metric, point.step, point.value) for point in points] == [
        ("loss", 1, 0.5),
        ("loss", 2, 0.3),
    ]


def test_all_studies_and_runs(reader: Reader, recorded: Recorded) -> None:
    assert reader.studies() == [STUDY, QUOTED]
    kept = {run_id for (_, name), run_id in recorded.ids.items() if name != "deleted"}
    assert set(reader.run_ids()) == kept


def test_a_text_file_of_a_run(recorded: Recorded) -> None:
    """Through the server only: the database names an address that only the server may resolve."""
    server, kept = recorded.readers["ServerReader"], recorded.ids[STUDY, "kept"]
    assert server.text(kept, schema.CONFIG_FILE) == "name: kept\n"
    assert server.text(kept, "other.yaml") is None


def test_a_study_is_asked_for_by_its_tag(
    recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    search = MlflowClient.search_runs

    def listening(client: MlflowClient, ids: list[str], query: str = "", **more: object) -> object:
        asked.append(query)
        return search(client, ids, query, **more)

    monkeypatch.setattr(MlflowClient, "search_runs", listening)
    recorded.readers["ServerReader"].study(STUDY)
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
    """The artifacts are in a store that this machine cannot read, such as a cloud's bucket."""
    uri = f"sqlite:///{root / 'mlflow.db'}"
    client = MlflowClient(uri)
    experiment = client.create_experiment("far", artifact_location="unheard-of://bucket/x")
    run = client.create_run(experiment)
    with pytest.raises(StoreError, match=f"the files of run {run.info.run_id} cannot be read"):
        DatabaseReader(uri).text(run.info.run_id, schema.CONFIG_FILE)
