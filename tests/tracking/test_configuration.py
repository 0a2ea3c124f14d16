from omegaconf import OmegaConf

from besom.tracking.configuration import files, parameters

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


def test_files_can_be_read_again_and_hold_no_password() -> None:
    texts = files(CONFIG, ["model.units=7", "tracking.uri=postgresql://ann:s3cret@db/x"])
    assert OmegaConf.create(texts["config.yaml"]).model.units == 100
    assert OmegaConf.create(texts["overrides.yaml"])[0] == "model.units=7"
    assert "s3cret" not in "".join(texts.values())
