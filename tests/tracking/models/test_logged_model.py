"""Models of runs in MLflow. Only the last two tests load TensorFlow."""

import time
from pathlib import Path

import numpy
import pytest
import yaml
from mlflow import MlflowClient

from besom.session import KerasModel, TensorSpec
from besom.tracking import Record, connect, schema
from besom.tracking.models.model_files import model_file
from besom.tracking.reader import open_reader

TOKENS = TensorSpec((None, 5), "int32")
CHANCE = TensorSpec((None, 1), "float32")


@pytest.fixture
def stub(tmp_path: Path) -> KerasModel:
    """Return a model whose file is not valid; the tests do not open it."""
    path = tmp_path / "stub.keras"
    path.write_bytes(b"not really a model")
    return KerasModel(path, TOKENS, CHANCE)


def close_run(record: Record, run_id: str) -> None:
    record.prepare_end(run_id, "FINISHED", {}, {})
    record.end_run(run_id)
    record.flush()


def models(client: MlflowClient, record: Record) -> list[str]:
    return [model.source_run_id for model in client.search_logged_models([record.experiment_id])]


def test_told_twice_there_is_one_model(
    record: Record, client: MlflowClient, stub: KerasModel
) -> None:
    run_id = record.start_run("train", {}, params={"units": 8})
    record.metrics(run_id, 2, {"loss": 0.5})
    for _ in range(2):
        record.model(run_id, stub)
        record.flush()
    close_run(record, run_id)
    assert models(client, record) == [run_id]
    outputs = client.get_run(run_id).outputs.model_outputs
    model = client.get_logged_model(outputs[0].model_id)
    assert len(outputs) == 1
    assert (model.name, model.status.name, model.params) == ("model", "READY", {"units": "8"})
    assert [(metric.key, metric.value) for metric in model.metrics] == [("loss", 0.5)]


def test_a_duplicate_has_the_final_metrics_and_finds_the_rest_at_its_original(
    root: Path, record: Record, client: MlflowClient, stub: KerasModel, tmp_path: Path
) -> None:
    original = record.start_run("trial 3", {}, params={"units": 8})
    record.metrics(original, 1, {"loss": 0.5})
    record.metrics(original, 2, {"loss": 0.75})
    record.log(original, {"data.digest": "abc"})
    record.text(original, schema.CONFIG_FILE, "units: 8")
    record.model(original, stub)
    close_run(record, original)
    duplicates = [record.start_run("trial 9", {}), record.start_run("trial 12", {})]
    for duplicate, repeated in zip(duplicates, [original, duplicates[0]], strict=True):
        for _ in range(2):
            record.reuse(duplicate, repeated, {}, {})
            record.flush()
        close_run(record, duplicate)
    assert models(client, record) == [original]
    reader = open_reader(root, None)
    for duplicate in duplicates:
        assert [(p.step, p.value) for p in reader.points([duplicate])] == [(2, 0.75)]
        (run,) = reader.runs([duplicate])
        assert run.tags[schema.DUPLICATE_OF] == original and run.tags["data.digest"] == "abc"
        assert run.params == {"units": "8"}
        assert reader.text(duplicate, schema.CONFIG_FILE) == "units: 8"
        assert reader.text(duplicate, "other.yaml") is None
        found = model_file(record.uri, duplicate, tmp_path)
        assert found.read_bytes() == stub.path.read_bytes()


def test_a_source_that_is_open_is_waited_for(record: Record, client: MlflowClient) -> None:
    source, duplicate = record.start_run("trial 3", {}), record.start_run("trial 9", {})
    record.metrics(source, 0, {"loss": 0.5})
    record.reuse(duplicate, source, {}, {})
    time.sleep(0.5)
    assert client.get_run(duplicate).data.metrics == {}
    record.prepare_end(source, "FINISHED", {}, {})
    record.end_run(source)
    while record_fails(record):
        time.sleep(0.05)
    assert client.get_run(duplicate).data.metrics == {"loss": 0.5}


def record_fails(record: Record) -> bool:
    try:
        record.flush()
    except Exception:
        return True
    return False


def test_mlflow_loads_it(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import keras
    import mlflow
    import mlflow.keras
    import mlflow.pyfunc

    keras.utils.set_random_seed(0)
    network = keras.Sequential(
        [keras.Input((5,), dtype="int32"), keras.layers.Embedding(9, 3), keras.layers.Flatten()]
    )
    network.add(keras.layers.Dense(1, activation="sigmoid"))
    network.save(tmp_path / "tiny.keras")
    with connect(root, None, "tests") as record:
        run_id = record.start_run("train", {})
        record.model(run_id, KerasModel(tmp_path / "tiny.keras", TOKENS, CHANCE))
        close_run(record, run_id)
    (tmp_path / "tiny.keras").unlink()

    tokens = numpy.arange(20, dtype="int32").reshape(4, 5) % 9
    expected = network.predict(tokens, verbose=0)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{root / 'mlflow.db'}")
    loaded = mlflow.keras.load_model(f"runs:/{run_id}/model")
    numpy.testing.assert_array_equal(loaded.predict(tokens, verbose=0), expected)
    served = mlflow.pyfunc.load_model(f"runs:/{run_id}/model")
    numpy.testing.assert_array_equal(served.predict(tokens), expected)
    assert served.metadata.run_id == run_id
    with pytest.raises(mlflow.MlflowException, match="schema"):
        served.predict(tokens.astype("float64"))


def test_the_folder_is_the_one_that_mlflow_writes(
    record: Record, client: MlflowClient, root: Path, tmp_path: Path
) -> None:
    """Compare file names and metadata with those of ``mlflow.keras.save_model``."""
    import keras
    import mlflow.keras
    from mlflow.models import ModelSignature
    from mlflow.types import Schema
    from mlflow.types import TensorSpec as MlflowTensorSpec

    network = keras.Sequential([keras.Input((5,), dtype="int32"), keras.layers.Embedding(9, 1)])
    network.save(tmp_path / "tiny.keras")
    signature = ModelSignature(
        Schema([MlflowTensorSpec(numpy.dtype("int32"), (-1, 5))]),
        Schema([MlflowTensorSpec(numpy.dtype("float32"), (-1, 1))]),
    )
    theirs = tmp_path / "theirs"
    mlflow.keras.save_model(
        network, str(theirs), signature=signature, pip_requirements=["keras", "mlflow"]
    )
    run_id = record.start_run("train", {})
    record.model(run_id, KerasModel(tmp_path / "tiny.keras", TOKENS, CHANCE))
    record.flush()
    ours = next((root / "artifacts" / "models").iterdir()) / "artifacts"

    def names(folder: Path) -> set[str]:
        return {str(path.relative_to(folder)) for path in folder.rglob("*")}

    assert names(ours) == names(theirs)
    our_model = yaml.safe_load((ours / "MLmodel").read_text())
    their_model = yaml.safe_load((theirs / "MLmodel").read_text())
    for key in ("flavors", "signature", "mlflow_version", "is_signature_from_type_hint"):
        assert our_model[key] == their_model[key]
    assert set(their_model) <= set(our_model)
    for name in ("conda.yaml", "python_env.yaml"):
        ours_read, theirs_read = (
            yaml.safe_load((folder / name).read_text()) for folder in (ours, theirs)
        )
        assert ours_read.keys() == theirs_read.keys()
