"""Deleting models: their files go, their runs say why, and registered models stay."""

from pathlib import Path

import pytest
from mlflow import MlflowClient

from besom.common.errors import StoreError, StudyError
from besom.common.keras_model import KerasModel, TensorSpec
from besom.tracking import Record, connect, schema
from besom.tracking.models import deleted
from besom.tracking.models.logged_model import find_model
from besom.tracking.models.model_files import model_file
from besom.tracking.models.registry import Champion, register
from tests.tracking.conftest import EXPERIMENT

SPEC = TensorSpec((None, 5), "int32")


def trained(record: Record, folder: Path) -> str:
    """Record a run with a model and end it; return its id. MLflow may not have it yet."""
    (folder / "net.keras").write_bytes(b"weights" * 100)
    run_id = record.start_run("trial", {schema.STUDY: "small"})
    record.model(run_id, KerasModel(folder / "net.keras", SPEC, SPEC))
    record.prepare_end(run_id, "FINISHED", {}, {})
    record.end_run(run_id)
    return run_id


def files(root: Path) -> list[str]:
    return [path.name for path in (root / "artifacts").rglob("*.keras")]


@pytest.mark.parametrize("is_delivered", [True, False])
def test_the_files_go_and_the_run_says_why(
    record: Record, client: MlflowClient, root: Path, tmp_path: Path, is_delivered: bool
) -> None:
    """Without the first flush, the run's own entries are delivered before the deletion."""
    run_id = trained(record, tmp_path)
    if is_delivered:
        record.flush()
    for _ in range(2):
        record.delete_model(run_id, "keep_models=best 3")
        record.flush()
    run = client.get_run(run_id)
    assert run.data.tags[schema.MODEL_DELETED] == "keep_models=best 3"
    assert run.info.status == "FINISHED"
    assert files(root) == []
    assert find_model(client, run.info.experiment_id, run_id) is None
    assert not list((root / "spool").glob("*.jsonl"))
    with pytest.raises(StudyError, match=rf"to have it back:\nbesom reproduce {run_id} --rest"):
        model_file(record.uri, run_id, tmp_path)


def test_a_run_without_a_model_says_nothing(
    record: Record, client: MlflowClient, tmp_path: Path
) -> None:
    run_id = record.start_run("trial", {})
    record.prepare_end(run_id, "FINISHED", {}, {})
    record.end_run(run_id)
    record.delete_model(run_id, "keep_models=none")
    record.flush()
    assert schema.MODEL_DELETED not in client.get_run(run_id).data.tags


def test_what_is_registered_stays(
    record: Record, client: MlflowClient, root: Path, tmp_path: Path
) -> None:
    run_id = trained(record, tmp_path)
    register(record, Champion("small", 1, run_id, "It wins."), None)
    record.delete_model(run_id, "keep_models=none")
    record.flush()
    assert files(root) == ["model.keras"]
    assert schema.MODEL_DELETED not in client.get_run(run_id).data.tags


def test_what_a_killed_process_has_asked_for_the_next_one_does(
    root: Path, client: MlflowClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process fails after it has set the run's tag, and before it deletes the files."""

    def killed(*_: object) -> None:
        raise OSError("killed here")

    record = connect(root, None, EXPERIMENT)
    run_id = trained(record, tmp_path)
    record.flush()
    with monkeypatch.context() as patched:
        patched.setattr(deleted, "get_artifact_repository", killed)
        record.delete_model(run_id, "keep_models=none")
        with pytest.raises(StoreError, match="besom sync"):
            record.close()
    assert files(root) == ["model.keras"]
    with connect(root, None, EXPERIMENT) as record:
        assert record.pending() == []
    assert files(root) == []
    assert client.get_run(run_id).data.tags[schema.MODEL_DELETED] == "keep_models=none"


def test_one_that_was_trained_again_is_put_back(
    record: Record, client: MlflowClient, root: Path, tmp_path: Path
) -> None:
    run_id = trained(record, tmp_path)
    record.delete_model(run_id, "keep_models=none")
    record.flush()
    deleted.put_back(record.uri, run_id, KerasModel(tmp_path / "net.keras", SPEC, SPEC))
    assert model_file(record.uri, run_id, tmp_path).read_bytes() == b"weights" * 100
    assert schema.MODEL_DELETED not in client.get_run(run_id).data.tags
