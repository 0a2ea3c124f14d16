import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from mlflow import MlflowClient

from besom.common.errors import StoreError
from besom.tracking import connect, schema, store
from besom.tracking.address import own_address
from besom.tracking.reader import open_reader
from besom.tracking.runs import log_artifact
from tests import mlflow_tables

FIRST_START = """
import sys
from pathlib import Path
from besom.tracking import connect
from besom.tracking.address import own_address
from besom.tracking.runs import log_artifact
from besom.tracking.reader import open_reader

with connect(Path(sys.argv[1]), None, "tests") as record:
    print(record.experiment_id, record.start_run(sys.argv[2], {}))
assert not {"keras", "tensorflow", "mlflow.keras"} & set(sys.modules)
"""


def test_two_first_starts_at_once(tmp_path: Path) -> None:
    root = tmp_path / "with spaces ü" / "mlruns"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", FIRST_START, str(root), f"run {number}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(2)
    ]
    answers = [process.communicate() for process in processes]
    assert [process.returncode for process in processes] == [0, 0], answers
    assert [noise for _, noise in answers] == ["", ""]
    experiments = {out.split()[0] for out, _ in answers}
    assert len(experiments) == 1
    client = MlflowClient(f"sqlite:///{root / 'mlflow.db'}")
    names = {run.info.run_name for run in client.search_runs(list(experiments))}
    assert names == {"run 0", "run 1"}
    for path in (root, root / "spool", root / "artifacts", root / "mlflow.db"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_a_draft_left_by_a_killed_first_start_is_made_anew(
    root: Path, empty_database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "SqlAlchemyStore", mlflow_tables.STORE)
    (root / "mlflow.db").unlink()
    (root / "mlflow.db.new").write_bytes(empty_database.read_bytes()[:20_000])
    with connect(root, None, "tests") as record:
        assert record.start_run("first", {})
    assert not (root / "mlflow.db.new").exists()


def test_the_root_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "mlruns").write_text("")
    with pytest.raises(StoreError, match=r"tracking.root=.*mlruns cannot be written"):
        connect(tmp_path / "mlruns", None, "tests")


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser can write everywhere")
def test_the_root_is_not_writable(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match="Permission denied"):
        connect(tmp_path / "mlruns", None, "tests")


def test_the_address_is_not_writable(root: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"tracking.uri=.* cannot be written"):
        connect(root, f"sqlite:///{tmp_path / 'file' / 'mlflow.db'}", "tests")


def test_a_root_of_any_name(root: Path, tmp_path: Path) -> None:
    odd = root.rename(tmp_path / "My%20Project #1 ü?")
    with connect(odd, None, "tests") as record:
        run_id = record.start_run("one", {})
    assert open_reader(odd, None).run_ids() == [run_id]
    assert {path.name for path in tmp_path.iterdir()} == {odd.name}


def test_a_deleted_experiment(root: Path, client: MlflowClient) -> None:
    with connect(root, None, "tests") as record:
        client.delete_experiment(record.experiment_id)
    with pytest.raises(StoreError, match=r"tests has been deleted.\n.*/mlflow.db mlflow exp"):
        connect(root, None, "tests")


def test_the_same_experiment_for_all(root: Path) -> None:
    with connect(root, None, "tests") as first, connect(root, None, "tests") as second:
        assert first.experiment_id == second.experiment_id
        assert first.uri == f"sqlite:///{root / 'mlflow.db'}"


def test_a_path_that_is_too_long(root: Path) -> None:
    long = "/".join(["d" * 200] * 22)
    with pytest.raises(StoreError, match="cannot be written"):
        connect(root, f"sqlite:////{long}/mlflow.db", "tests")


def test_a_record_that_cannot_be_written_is_read_from_a_copy(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connect(root, None, "tests") as record:
        run_id = record.start_run("one", {})
    before = {path: path.stat().st_mtime_ns for path in root.iterdir()}
    # Simulate a disk that is mounted read-only: tests may run as root, who can write anywhere.
    monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK)
    reader = open_reader(root, None)
    assert reader.run_ids() == [run_id]
    assert reader.text(run_id, "none.txt") is None
    assert reader.folder == root
    assert not log_artifact(own_address(root), run_id, schema.REPORT_FILE, root / "mlflow.db")
    assert {path: path.stat().st_mtime_ns for path in root.iterdir()} == before
