"""Tests what commands for ``besom train`` say of records of other applications and versions."""

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf, open_dict

from besom.app.config_paths import conf_folder
from besom.results.workload import workload_config
from besom.rnn import config
from besom.tracking import connect, schema
from tests.conftest import Command

from .conftest import start
from .test_confirm import begun_by

OVERRIDES = "- x=1.0\n- db=a\n- +name=it's\n- x=1.5\n"
AGAIN = """its own command, without -m, trains it again with:\nx=1.5 db=a '+name=it'"'"'s'\n"""


@pytest.fixture
def foreign(root: Path) -> str:
    """Record the study ``small`` of another application; return its trial's run id."""
    with connect(root, None, "besom") as record:
        study = start(record, "small")
        run_id = study.trial(0, {"x": 1.5}, {"val_accuracy": [0.5]}, role="baseline")
        record.text(run_id, schema.CONFIG_FILE, "x: 1.5\ndb: {name: a}\n")
        record.text(run_id, schema.OVERRIDES_FILE, OVERRIDES)
    begun_by(root, [run_id], "app.main")
    return run_id


def test_what_an_earlier_besom_had_no_key_for_is_as_the_schema_says() -> None:
    config.register()
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        today = compose("train")
    before = today.copy()
    later = ("class_weight", "weight_decay", "global_clipnorm", "learning_rate_schedule", "warmup")
    with open_dict(before.training), open_dict(before.model):
        for key in later:
            del before.training[key]
        del before.model["embedding_dropout"], before.model["pooling"]
    found = workload_config(OmegaConf.to_yaml(before))
    assert found == today and found is not None and found.training.class_weight is None
    with open_dict(before.training):
        del before.training["epochs"]
    assert workload_config(OmegaConf.to_yaml(before)) is None


def test_each_command_says_why_and_what_there_is_instead(
    foreign: str, root: Path, besom: Command
) -> None:
    said = {
        words: besom(*words.split(), "--root", str(root))
        for words in (
            *("export small", "reproduce best --study small", f"reproduce {foreign}"),
            *("predict small good", f"predict {foreign} good", "confirm small"),
        )
    }
    for words, ended in said.items():
        assert (ended.code, ended.out) == (2, ""), words
        assert ended.err.count("\n") <= 2, words
        if not words.startswith("confirm"):
            assert "is of another application" in ended.err, words
        if words.startswith(("export", "reproduce")):
            assert ended.err.endswith(AGAIN)
    assert "hydra.sweeper.confirm.top_k=3" in said["confirm small"].err
    assert "besom confirm" not in said["predict small good"].err
