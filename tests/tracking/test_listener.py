import json
from pathlib import Path

from mlflow import MlflowClient
from omegaconf import OmegaConf

from besom.tracking import Record, schema
from besom.tracking.environment import Environment
from besom.tracking.listener import describe, parameters

CONFIG = OmegaConf.create(
    {
        "data": {"max_length": 100},
        "model": {"units": "${data.max_length}", "layers": [1, 2], "extra": {}},
        "tracking": {"root": "mlruns", "uri": "postgresql://ann:s3cret@db/x"},
        "seed": None,
    }
)


def test_parameters_are_flat_resolved_and_about_the_result() -> None:
    assert parameters(CONFIG) == {
        "data.max_length": 100,
        "model.units": 100,
        "model.layers": [1, 2],
        "model.extra": {},
        "seed": None,
    }


def test_a_run_is_described_without_passwords(record: Record, client: MlflowClient) -> None:
    address = "postgresql://ann:s3cret@db/x"
    run_id = record.start_run("train", {})
    describe(
        record,
        run_id,
        {"model.units": 100, "data.source": address},
        OmegaConf.to_yaml(CONFIG, resolve=True),
        ["model.units=7", f"tracking.uri={address}"],
        Environment({}, {schema.DIFF_FILE: f"+ {address}\n"}),
        Path("outputs/1"),
        {"model": "gru"},
        schema.placed("node-7", ["GPU 0: NVIDIA H100", "GPU 1: NVIDIA H100"]),
    )
    record.flush()
    data = client.get_run(run_id).data
    assert data.tags[schema.FOLDER] == "outputs/1"
    assert data.tags[schema.NODE] == "node-7"
    assert data.tags[schema.DEVICES] == "GPU 0: NVIDIA H100, GPU 1: NVIDIA H100"
    assert json.loads(data.tags[schema.GROUPS]) == {"model": "gru"}
    assert data.params == {"model.units": "100", "data.source": "postgresql://ann:***@db/x"}
    texts = {
        path: Path(client.download_artifacts(run_id, path)).read_text()
        for path in (schema.CONFIG_FILE, schema.OVERRIDES_FILE, schema.DIFF_FILE)
    }
    assert OmegaConf.create(texts[schema.CONFIG_FILE]).model.units == 100
    assert OmegaConf.create(texts[schema.OVERRIDES_FILE])[0] == "model.units=7"
    assert texts[schema.DIFF_FILE] == "+ postgresql://ann:***@db/x\n"
    assert "s3cret" not in "".join(texts.values())
