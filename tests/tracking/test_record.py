import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

from besom.common.errors import StoreError
from besom.session import LoggedDataset
from besom.tracking import Record, connect, runs, schema
from besom.tracking.outbox.sync import Synced, sync
from besom.tracking.reader import open_reader


def history(client: MlflowClient, run_id: str, name: str) -> list[tuple[int, float]]:
    return sorted((m.step, m.value) for m in client.get_metric_history(run_id, name))


def artifact(client: MlflowClient, run_id: str, path: str) -> str:
    return Path(client.download_artifacts(run_id, path)).read_text()


def close_run(record: Record, run_id: str) -> None:
    record.prepare_end(run_id, "FINISHED", {}, {})
    record.end_run(run_id)
    record.flush()


def test_what_is_told_is_in_mlflow(record: Record, client: MlflowClient, tmp_path: Path) -> None:
    (tmp_path / "plot.svg").write_text("<svg/>")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "words.txt").write_text("the\n")
    run_id = record.start_run("a run", {schema.ROLE: "trial"}, params={"units": 32})
    record.params(run_id, {"model.cell": "rnn"})
    for epoch in range(3):
        record.metrics(run_id, epoch, {"loss": 1 / (epoch + 1)})
    record.log(run_id, {"test_loss": 0.5, "besom.digest": "abc"})
    record.text(run_id, schema.CONFIG_FILE, "a: 1\n")
    record.file(run_id, tmp_path / "plot.svg")
    record.file(run_id, tmp_path / "folder")
    record.flush()

    run = client.get_run(run_id)
    assert run.info.run_name == "a run"
    assert run.data.params == {"units": "32", "model.cell": "rnn"}
    assert run.data.tags[schema.ROLE] == "trial"
    assert run.data.tags["besom.digest"] == "abc"
    assert run.data.metrics["test_loss"] == 0.5
    assert history(client, run_id, "loss") == [(0, 1.0), (1, 0.5), (2, 1 / 3)]
    assert artifact(client, run_id, schema.CONFIG_FILE) == "a: 1\n"
    assert artifact(client, run_id, "plot.svg") == "<svg/>"
    assert artifact(client, run_id, "folder/words.txt") == "the\n"


def test_data_are_among_the_inputs_of_a_run_and_of_what_repeats_it(
    record: Record, client: MlflowClient
) -> None:
    """A data set that is recorded twice, and for two runs, is one. Its source has no password."""
    source = "https://me:secret@there/reviews.csv"
    data = LoggedDataset("reviews", digest="5f" * 32, source=source, rows=3000)
    first, second = record.start_run("first", {}), record.start_run("second", {})
    repeat = record.start_run("repeat", {})
    for run_id in (first, first, second):
        record.dataset(run_id, data)
        record.flush()
    close_run(record, first)
    record.reuse(repeat, first, {}, {})
    close_run(record, repeat)
    for run_id in (first, second, repeat):
        [found] = client.get_run(run_id).inputs.dataset_inputs
        assert (found.dataset.name, found.dataset.digest) == ("reviews", "5f" * 18)
        assert json.loads(found.dataset.profile) == {"num_rows": 3000}
        assert "reviews.csv" in found.dataset.source and "secret" not in found.dataset.source
        assert [(tag.key, tag.value) for tag in found.tags] == [("mlflow.data.context", "training")]


def test_metrics_appear_while_the_run_goes_on(record: Record, client: MlflowClient) -> None:
    run_id = record.start_run("slow", {})
    record.metrics(run_id, 0, {"loss": 0.7})
    deadline = time.monotonic() + 20
    while not client.get_run(run_id).data.metrics and time.monotonic() < deadline:
        time.sleep(0.05)
    assert client.get_run(run_id).data.metrics == {"loss": 0.7}


def test_a_run_is_closed_by_confirm_not_by_finish(
    record: Record, client: MlflowClient, root: Path
) -> None:
    run_id = record.start_run("trial", {schema.STATE: "running"})
    record.prepare_end(run_id, "FAILED", {schema.STATE: "failed"}, {"value": None})
    record.flush()
    run = client.get_run(run_id)
    assert (run.info.status, run.data.tags[schema.STATE]) == ("RUNNING", "running")
    record.end_run(run_id)
    record.flush()
    run = client.get_run(run_id)
    assert (run.info.status, run.data.tags[schema.STATE]) == ("FAILED", "failed")
    assert run.info.end_time >= run.info.start_time
    assert list((root / "spool").glob("*.jsonl")) == []


def test_children_name_their_parent(record: Record, client: MlflowClient) -> None:
    parent = record.start_run("sweep", {})
    child = record.start_run("trial", {}, parent=parent)
    assert client.get_parent_run(child).info.run_id == parent


def test_a_returned_number_is_the_last_value_of_a_reported_metric(
    record: Record, client: MlflowClient
) -> None:
    run_id = record.start_run("trial", {})
    for step, accuracy in enumerate([0.5, 0.9, 0.7]):
        record.metrics(run_id, step, {"val_accuracy": accuracy})
    time.sleep(0.002)  # later than the last report, by MLflow's clock of milliseconds
    record.log(run_id, {"val_accuracy": 0.9})
    record.flush()
    assert client.get_run(run_id).data.metrics["val_accuracy"] == 0.9


def test_a_table_told_twice_has_its_rows_once(record: Record, client: MlflowClient) -> None:
    run_id = record.start_run("trial", {})
    for _ in range(2):
        record.table(run_id, "errors", [{"text": "fine", "loss": 0.5}, {"text": "no", "loss": 2.0}])
        record.flush()
    table = json.loads(artifact(client, run_id, "errors.json"))
    assert table == {"columns": ["text", "loss"], "data": [["fine", 0.5], ["no", 2.0]]}
    shown = client.get_run(run_id).data.tags[schema.TABLES]
    assert json.loads(shown) == [{"path": "errors.json", "type": "table"}]


def test_a_long_note_ends_with_a_whole_line(record: Record, client: MlflowClient) -> None:
    run_id = record.start_run("sweep", {})
    record.note(run_id, "\n".join(f"| {number} | {'x' * 90} |" for number in range(200)))
    record.flush()
    note = client.get_run(run_id).data.tags[schema.NOTE]
    assert len(note) <= schema.TAG_LENGTH
    assert note.endswith(" |\n…")


def test_more_than_one_batch_holds(record: Record, client: MlflowClient) -> None:
    run_id = record.start_run("wide", {}, params={f"p{n}": n for n in range(250)})
    for step in range(500):
        record.metrics(run_id, step, {"a": step, "b": -step})
    record.flush()
    assert len(client.get_run(run_id).data.params) == 250
    assert history(client, run_id, "b")[-1] == (499, -499.0)
    assert len(history(client, run_id, "a")) == 500


def test_a_refused_value_costs_no_other(record: Record, client: MlflowClient) -> None:
    run_id = record.start_run("trial", {}, params={"units": 32})
    record.flush()
    record.params(run_id, {"units": 64, "layers": 2})
    record.metrics(run_id, 0, {"loss": 0.5})
    record.flush()
    data = client.get_run(run_id).data
    assert data.params == {"units": "32", "layers": "2"}
    assert data.metrics == {"loss": 0.5}


def test_names_and_values_are_made_to_fit(record: Record, client: MlflowClient) -> None:
    run_id = record.start_run("trial", {}, params={"a": "x" * 10_000, "../b": 1})
    record.metrics(run_id, 0, {"f1@10%": 0.5, "diverged": float("nan")})
    record.flush()
    data = client.get_run(run_id).data
    assert len(data.params["a"]) == 6000
    assert data.params["a"].endswith("…")
    assert data.params[schema.valid_name("../b")] == "1"
    assert data.metrics[schema.valid_name("f1@10%")] == 0.5
    assert data.metrics["diverged"] != data.metrics["diverged"]


def test_a_file_that_is_gone_costs_no_other(
    record: Record, client: MlflowClient, tmp_path: Path
) -> None:
    run_id = record.start_run("trial", {})
    record.file(run_id, tmp_path / "gone.npz")
    record.text(run_id, "note.txt", "here")
    close_run(record, run_id)
    assert artifact(client, run_id, "note.txt") == "here"
    assert client.get_run(run_id).data.tags[schema.MISSING] == str(tmp_path / "gone.npz")


def test_a_run_deleted_meanwhile_is_set_aside(
    record: Record, client: MlflowClient, root: Path
) -> None:
    deleted, other = record.start_run("deleted", {}), record.start_run("other", {})
    record.flush()
    client.delete_run(deleted)
    record.metrics(deleted, 0, {"loss": 0.5})
    record.metrics(other, 0, {"loss": 0.6})
    record.flush()
    assert client.get_run(other).data.metrics == {"loss": 0.6}
    assert '"loss":0.5' in (root / "spool" / f"{deleted}.refused").read_text()


def test_a_run_that_is_restored_gets_what_was_refused(
    record: Record, client: MlflowClient, root: Path
) -> None:
    live, left = record.start_run("live", {}), record.start_run("left", {})
    record.flush()
    for run_id in (live, left):
        client.delete_run(run_id)
        record.metrics(run_id, 1, {"loss": 0.5})
        record.prepare_end(run_id, "FINISHED", {}, {})
    record.end_run(left)
    record.flush()
    client.restore_run(live)
    record.end_run(live)  # delivers all entries, not only those since
    record.close()
    assert (client.get_run(live).data.metrics, client.get_run(live).info.status) == (
        {"loss": 0.5},
        "FINISHED",
    )
    assert sync(root, None) == Synced(delivered=0, left=0, refused=1)
    client.restore_run(left)
    assert sync(root, None) == Synced(delivered=1, left=0, refused=0)
    assert client.get_run(left).data.metrics == {"loss": 0.5}
    assert not list((root / "spool").glob("*.refused"))


def test_runs_finds_all_pages_by_tags_and_status(
    record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "PAGE", 2)
    mine = [record.start_run(f"t{n}", {schema.STUDY: "it's"}) for n in range(5)]
    record.start_run("other", {schema.STUDY: "its"})
    close_run(record, mine[0])
    assert {run.run_id for run in record.runs({schema.STUDY: "it's"})} == set(mine)
    assert [run.name for run in record.runs({schema.STUDY: "it's"}, "FINISHED")] == ["t0"]


def test_a_closed_run_is_reopened(record: Record, client: MlflowClient, root: Path) -> None:
    run_id = record.start_run("sweep", {schema.ROLE: "sweep"})
    record.kill(run_id, {schema.STATE: "killed"})
    record.reopen(run_id)
    record.note(run_id, "again")
    record.flush()
    run = client.get_run(run_id)
    assert (run.info.status, run.data.tags[schema.STATE]) == ("RUNNING", "running")
    by_api, by_tables = record.runs({schema.ROLE: "sweep"}), open_reader(root, None).runs([run_id])
    assert [run.ended for run in (*by_api, *by_tables)] == [None, None]
    close_run(record, run_id)
    assert client.get_run(run_id).info.status == "FINISHED"
    assert client.get_run(run_id).data.tags[schema.NOTE] == "again"
    assert open_reader(root, None).runs([run_id])[0].ended is not None


def test_a_run_that_is_not_there_is_not_reopened(record: Record) -> None:
    with pytest.raises(StoreError, match="run 0123 is not in the record"):
        record.reopen("0123")


def test_a_long_name_is_cut(record: Record, client: MlflowClient) -> None:
    run_id = record.start_run("x" * 300, {})
    assert client.get_run(run_id).info.run_name == "x" * 249 + "…"


@pytest.mark.parametrize("ask", ["start", "reopen", "runs"])
def test_a_store_that_is_away_is_said_plainly(record: Record, root: Path, ask: str) -> None:
    run_id = record.start_run("sweep", {})
    close_run(record, run_id)
    with sqlite3.connect(root / "mlflow.db") as database:
        database.execute("ALTER TABLE runs RENAME TO away")
    with pytest.raises(StoreError, match=r"mlflow\.db does not answer as it should") as error:
        match ask:
            case "start":
                record.start_run("trial", {})
            case "reopen":
                record.reopen(run_id)
            case "runs":
                record.runs({})
    assert len(str(error.value).splitlines()) == 2
    assert "same command again" in str(error.value)


def test_a_note_on_a_run_of_others_leaves_no_log(
    root: Path, record: Record, client: MlflowClient
) -> None:
    run_id = record.start_run("done", {schema.ROLE: "train"})
    close_run(record, run_id)
    with connect(root, None, "tests") as later:
        later.note(run_id, "confirmed")
    assert client.get_run(run_id).data.tags[schema.NOTE] == "confirmed"
    assert client.get_run(run_id).info.status == "FINISHED"
    assert list((root / "spool").glob("*.jsonl")) == []


def gone_for_good(record: Record, client: MlflowClient, run_id: str) -> None:
    """Delete a run as ``mlflow gc`` does."""
    close_run(record, run_id)
    client.delete_run(run_id)
    SqlAlchemyStore(client.tracking_uri, "unused")._hard_delete_run(run_id)


def deleted_while_open(record: Record, client: MlflowClient, run_id: str) -> None:
    client.delete_run(run_id)


@pytest.mark.parametrize("lose", [gone_for_good, deleted_while_open])
def test_reuse_of_a_run_that_is_gone_holds_up_nothing(
    record: Record, client: MlflowClient, lose: Callable[[Record, MlflowClient, str], None]
) -> None:
    source = record.start_run("trial 3", {})
    lose(record, client, source)
    duplicate = record.start_run("trial 9", {})
    record.reuse(duplicate, source, {"units": 8}, {"loss": 0.5})
    close_run(record, duplicate)
    run = client.get_run(duplicate)
    assert run.info.status == "FINISHED"
    assert run.data.params == {"units": "8"} and run.data.metrics == {"loss": 0.5}
    assert run.data.tags[schema.MISSING].startswith(f"run {source}, which")


def test_the_last_number_of_a_step_is_shown_however_fast_it_came(
    record: Record, client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two values with the same step and millisecond, MLflow would show the larger."""
    monkeypatch.setattr(
        "besom.tracking.outbox.entries.time.time_ns", lambda: 1_800_000_000_000_000_000
    )
    run_id = record.start_run("fast", {})
    record.metrics(run_id, 4, {"loss": 0.9})
    record.log(run_id, {"loss": 0.5})
    record.flush()
    assert client.get_run(run_id).data.metrics == {"loss": 0.5}


def broken(record: Record, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Make the store unreachable until the returned function is called."""
    client = record._client

    def fail(*_: object, **__: object) -> None:
        raise ConnectionError("away")

    names = ("log_batch", "log_artifact", "set_tag")
    whole = {name: getattr(client, name) for name in names}
    for name in names:
        monkeypatch.setattr(client, name, fail)

    def mend() -> None:
        for name, function in whole.items():
            monkeypatch.setattr(client, name, function)

    return mend


@pytest.mark.parametrize("again", [False, True])
def test_a_file_that_another_attempt_has_overwritten_is_not_taken_for_the_first_ones(
    record: Record,
    client: MlflowClient,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    again: bool,
) -> None:
    run_id = record.start_run("first", {})
    mend = broken(record, monkeypatch)
    path = tmp_path / "weights.txt"
    path.write_text("of the first")
    record.file(run_id, path)
    path.write_text("of the first, in the end")
    record.metrics(run_id, 1, {"loss": 0.5})
    record.kill(run_id, {schema.STATE: "dead"})
    if again:
        time.sleep(0.02)  # timestamps of files are coarse
        path.write_text("of the second")
    mend()
    record.flush()
    run = client.get_run(run_id)
    assert run.info.status == "KILLED" and run.data.metrics == {"loss": 0.5}
    files = {file.path for file in client.list_artifacts(run_id)}
    assert ("weights.txt" in files) is not again
    assert ("overwritten" in run.data.tags.get(schema.MISSING, "")) is again
    if not again:
        assert artifact(client, run_id, "weights.txt") == "of the first, in the end"


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Collect each fsync: the name of the file, and of the thread that waited for the disk."""
    found: list[tuple[str, str]] = []
    fsync = os.fsync

    def count(descriptor: int) -> None:
        name = Path(os.readlink(f"/proc/self/fd/{descriptor}")).name
        fsync(descriptor)
        found.append((name, threading.current_thread().name))

    monkeypatch.setattr(os, "fsync", count)
    return found


def test_what_is_said_is_safe_from_power_failures_with_the_next_round(
    record: Record, synced: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = record.start_run("first", {})
    log = (f"{run_id}.jsonl", "besom-record")
    record.metrics(run_id, 1, {"loss": 0.5})
    record.flush()
    assert synced == [log, ("spool", "besom-record")], "a new file's name is kept once"
    record.flush()
    assert len(synced) == 2, "nothing new"
    broken(record, monkeypatch)
    for step in (2, 3):
        record.metrics(run_id, step, {"loss": 0.5})
        with pytest.raises(StoreError, match="away"):
            record.flush()
    assert synced[2:] == [log, log], "the store's absence changes nothing"


def test_the_end_of_a_run_is_safe_at_once_and_only_then_is_waited_for(
    record: Record, synced: list[tuple[str, str]]
) -> None:
    run_id = record.start_run("first", {})
    record.flush()
    synced.clear()
    record.prepare_end(run_id, "FINISHED", {}, {})
    assert [name for name, _ in synced][:1] == [f"{run_id}.jsonl"]
    record.end_run(run_id)
    record.flush()
    assert len(synced) <= 2  # the second one is of the log's folder, unless that was done before
