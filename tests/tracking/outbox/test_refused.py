"""Values that MLflow or its database refuses: only they are lost, and the run names them."""

import json
import os
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from requests import ConnectionError, HTTPError, Response

from besom.tracking import Record, schema
from besom.tracking.client import is_refusal
from besom.tracking.outbox.entries import Entry

SHOWN = schema.TABLES
NOT_TEXT = os.fsdecode(b"caf\xe9")


def close(record: Record, run_id: str) -> None:
    record.prepare_end(run_id, "FAILED", {schema.ERROR: f"OSError: {NOT_TEXT}"}, {})
    record.end_run(run_id)
    record.flush()


def test_text_that_is_none_is_shown_as_it_can_be(
    record: Record, client: MlflowClient, tmp_path: Path
) -> None:
    run_id = record.start_run(NOT_TEXT, {"t": NOT_TEXT}, params={NOT_TEXT: NOT_TEXT, "nul": "\0"})
    record.metrics(run_id, 1, {NOT_TEXT: 0.5})
    record.text(run_id, schema.TRACEBACK_FILE, f"{NOT_TEXT}\0")
    (tmp_path / NOT_TEXT).touch()
    record.file(run_id, tmp_path / NOT_TEXT)
    close(record, run_id)
    run = client.get_run(run_id)
    assert (run.info.status, run.info.run_name) == ("FAILED", r"caf\udce9")
    assert run.data.tags[schema.ERROR] == r"OSError: caf\udce9"
    assert sorted(run.data.params.values()) == [r"\x00", r"caf\udce9"]
    assert [*run.data.metrics.values()] == [0.5] and schema.MISSING not in run.data.tags
    assert {file.path for file in client.list_artifacts(run_id)} == {
        schema.TRACEBACK_FILE,
        NOT_TEXT,
    }


@pytest.fixture
def poisoned(tmp_path: Path) -> dict[str, Entry]:
    """Return refused entries by the words that name them; an earlier Besom has written some."""
    folder = tmp_path / "folder"
    folder.mkdir()
    os.mkfifo(folder / "pipe")
    (tmp_path / "dangling").mkdir()
    (tmp_path / "dangling" / "link").symlink_to("nowhere")
    return {
        "steps: ": Entry("metrics", {"step": 2**63, "values": {"steps": 1.0}}),
        "name '../x'": Entry("table", {"name": "../x", "rows": []}),
        "name 'xxx": Entry("table", {"name": "x" * 300, "rows": []}),
        "folder": Entry("file", {"path": str(folder)}),
        "dangling": Entry("file", {"path": str(tmp_path / "dangling")}),
        r"caf\udce9": Entry("file", {"path": f"/nowhere/{NOT_TEXT}"}),
        "units: ": Entry("params", {"units": "64"}),
    }


def test_each_is_left_out_and_named(
    record: Record, client: MlflowClient, poisoned: dict[str, Entry], root: Path
) -> None:
    run_id = record.start_run("poisoned", {}, params={"units": 32})
    record.flush()
    for entry in poisoned.values():
        record._outbox.send(run_id, entry)
        record.metrics(run_id, 1, {"loss": 0.5})
        record.table(run_id, "fine", [{"a": 1}])
    other = record.start_run("other", {}, params={"units": 8})
    close(record, run_id)
    close(record, other)
    run = client.get_run(run_id)
    assert run.info.status == "FAILED" and run.data.metrics == {"loss": 0.5}
    assert run.data.params == {"units": "32"}
    assert [file.path for file in client.list_artifacts(run_id)] == ["fine.json"]
    missing = run.data.tags[schema.MISSING].split("\n")
    assert len(missing) == len(poisoned)
    assert all(any(name in line for line in missing) for name in poisoned)
    assert client.get_run(other).data.params == {"units": "8"}
    assert list((root / "spool").glob("*.jsonl")) == []


def test_more_tables_than_a_tag_names_are_all_there(record: Record, client: MlflowClient) -> None:
    run_id = record.start_run("tables", {})
    for number in range(40):
        record.table(run_id, f"{'x' * 240}{number}", [{"a": 1}])
    record.flush()
    assert len(client.list_artifacts(run_id)) == 40
    assert len(json.loads(client.get_run(run_id).data.tags[SHOWN])) > 20


def test_tables_whose_names_an_address_would_cut_keep_apart(
    record: Record, client: MlflowClient
) -> None:
    run_id = record.start_run("tables", {})
    for name in ("a#b", "a?b", "val/a%2e"):
        record.table(run_id, name, [{"a": 1}])
    record.flush()
    named = [table["path"] for table in json.loads(client.get_run(run_id).data.tags[SHOWN])]
    assert len(set(named)) == 3 and named[2].startswith("val/a_2e-")
    assert not {*"".join(named)} & {*"#?%"}


def caused(error: Exception) -> MlflowException:
    """Wrap an error as MLflow's sessions wrap those of SQLite's driver."""
    wrapped = MlflowException("internal")
    wrapped.__cause__ = error
    return wrapped


def answered(status: int) -> HTTPError:
    response = Response()
    response.status_code = status
    return HTTPError(response=response)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MlflowException.invalid_parameter_value("no"), True),
        (caused(OverflowError("int too large")), True),
        (caused(UnicodeEncodeError("utf-8", "\udce9", 0, 1, "no")), True),
        (answered(413), True),
        (ValueError("in MLflow's client"), True),
        (OSError(36, "File name too long"), True),
        (MlflowException("internal"), False),
        (caused(OSError(28, "No space left on device")), False),
        (answered(401), False),
        (answered(503), False),
        (ConnectionError("refused"), False),
        (OSError(28, "No space left on device"), False),
        (KeyError("a bug"), False),
    ],
)
def test_what_would_be_refused_again(error: Exception, expected: bool) -> None:
    assert is_refusal(error) is expected
