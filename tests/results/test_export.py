"""Tests ``besom export``: the winner's configuration composes to what was recorded."""

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from besom.app.config_paths import conf_folder
from besom.common.errors import StoreError, StudyError
from besom.common.flatten import flatten
from besom.common.text import duration
from besom.results.export import Exported, export, plain, show
from besom.rnn import config
from besom.tracking import connect, schema
from besom.tracking.reader import open_reader
from tests.conftest import Command
from tests.rnn.conftest import SMALL, SYNTHETIC

STUDY = "small"
Export = Callable[..., Exported]


def recorded(overrides: list[str]) -> str:
    """Return the ``config.yaml`` of a sweep's trial with these overrides."""
    config.register()
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        return OmegaConf.to_yaml(compose("train", ["evaluate_test=false", *overrides]))


def record_trials(
    root: Path,
    trials: Mapping[str, float],
    tags: Mapping[str, str] | None = None,
    objective: str = "val_accuracy",
    direction: str = "maximize",
    state: str = "complete",
    groups: Mapping[str, str] | None = None,
) -> list[str]:
    """Record trials with these configurations and values; return their runs' ids."""
    study = {schema.STUDY: STUDY}
    with connect(root, None, "besom") as record:
        parent = record.start_run(STUDY, study | {schema.ROLE: "sweep"} | dict(tags or {}))
        record.params(parent, {"objective": objective, "direction": direction})
        run_ids = []
        for number, (text, value) in enumerate(trials.items()):
            of_trial = {schema.TRIAL: str(number), schema.ROLE: "trial"}
            run_id = record.start_run(f"{STUDY}/{number:03d}", study | of_trial, parent)
            record.log(run_id, {schema.GROUPS: json.dumps(groups or options_of(text))})
            if text:
                record.text(run_id, schema.CONFIG_FILE, text)
            record.metrics(run_id, 1, {"val_accuracy": value})
            record.prepare_end(run_id, "FINISHED", {schema.STATE: state}, {})
            record.end_run(run_id)
            run_ids.append(run_id)
        return run_ids


def options_of(text: str) -> dict[str, str]:
    """Return the options of the groups ``data`` and ``model`` that a configuration has."""
    config = OmegaConf.create(text)
    assert isinstance(config, DictConfig)
    flat = flatten(config, resolve=False)
    return {group: flat[f"{group}.name"] for group in ("data", "model") if f"{group}.name" in flat}


@pytest.fixture
def exported(root: Path, monkeypatch: pytest.MonkeyPatch) -> Export:
    """Return a function that exports from ``root`` into a working folder with nothing else."""
    monkeypatch.chdir(root.parent)

    def run(name: str | None = None, force: bool = False, study: str = STUDY) -> Exported:
        return export(root, None, study, name, force)

    return run


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        [
            *("model=lstm", "model.units=64", "data=synthetic", "data.max_length=200"),
            *("training.learning_rate=1e-5", "training.patience=3"),
        ],
        [
            *("model=gru", "model.dropout=0.25", "data.path='/my data/null: #1.npz'", "seed=7"),
            *("training.restore_best=true", "training.engine=keras"),
        ],
        ["model.name=gru"],
    ],
    ids=" ".join,
)
def test_it_trains_what_was_recorded(
    overrides: list[str], root: Path, exported: Export, besom: Command
) -> None:
    text = recorded(overrides)
    record_trials(root, {text: 0.8})
    assert exported().file == Path("conf/experiment/small.yaml")
    ended = besom("train", "+experiment=small", "--cfg", "job")
    assert ended.code == 0, ended.err
    shown, wanted = OmegaConf.create(ended.out), OmegaConf.create(text)
    assert shown.evaluate_test and not wanted.evaluate_test
    wanted.evaluate_test = True
    assert shown == wanted


def test_the_file_says_what_differs_and_where_it_comes_from(root: Path, exported: Export) -> None:
    better = recorded(["model=lstm", "model.units=64", "training.epochs=4", "seed=3"])
    _, run_id = record_trials(root, {recorded([]): 0.8, better: 0.85})
    (run,) = open_reader(root, None).runs([run_id])
    took = (run.ended or 0) - run.started
    assert (
        exported().file.read_text()
        == f"""\
# @package _global_
# besom train +experiment=small
# Trial 1 of small, run {run_id}: val_accuracy 0.85, {duration(took)}.
# Not confirmed: the best of 2 finished trials, one run each; the sweep's own command with
# `hydra.sweeper.confirm.only=true hydra.sweeper.confirm.top_k=3` tells more.

defaults:
  - override /model: lstm

model:
  units: 64

training:
  epochs: 4

seed: 3
"""
    )


def test_the_confirmed_winner_is_taken_with_its_verdict(
    root: Path, exported: Export, capsys: pytest.CaptureFixture[str]
) -> None:
    verdict = "Trial 0 beats the baseline: test_accuracy 0.83 (0.82 to 0.84). " + "And so on. " * 9
    tags = {schema.VERDICT: verdict, schema.WINNER: "0", schema.BEATS: "true"}
    texts = [recorded(["model.units=16"]), recorded(["model.units=64"])]
    record_trials(root, dict(zip(texts, (0.8, 0.85), strict=True)), tags)
    found = exported()
    lines = found.file.read_text().splitlines()
    assert "  units: 16" in lines
    assert verdict.strip() in " ".join(line.removeprefix("# ") for line in lines)
    assert all(len(line) <= 100 for line in lines)
    show(found)
    out = capsys.readouterr().out
    assert "Trial 0 of small" in out and verdict in out
    assert "besom train +experiment=small" in out and "Not confirmed" not in out


def test_a_file_that_is_there_is_kept(root: Path, exported: Export) -> None:
    record_trials(root, {recorded(["model.units=16"]): 0.8})
    file = exported().file
    file.write_text("mine")
    with pytest.raises(StoreError, match="is there already; --force overwrites it"):
        exported()
    assert file.read_text() == "mine"
    assert exported(name="other").file == Path("conf/experiment/other.yaml")
    assert "units: 16" in exported(force=True).file.read_text()


@pytest.mark.parametrize(
    ("study", "name"),
    [
        ("wide-2", "wide-2"),
        ("it's a/b", "it_s_a_b"),
        ("5", "study_5"),
        ("2024-05", "study_2024-05"),
        ("null", "study_null"),
        ("été", "t"),
        ("…", "study_"),
    ],
)
def test_any_study_has_a_plain_name(study: str, name: str) -> None:
    assert plain(study) == name


@pytest.fixture
def own_conf(root: Path) -> Path:
    """Make the user's own folder ``conf`` in the working folder, a copy of Besom's."""
    return Path(shutil.copytree(conf_folder(), root.parent / "conf"))


def test_an_option_of_ones_own_is_taken_as_it_was_recorded(
    root: Path, own_conf: Path, exported: Export, besom: Command
) -> None:
    big = "defaults: [gru, _self_]\nname: gru\nunits: 256\nembedding_dim: 128\n"
    (own_conf / "model" / "big.yaml").write_text(big)
    groups = {"model": "big", "data": "imdb"}
    record_trials(root, {recorded(["model=big", "model.dropout=0.1"]): 0.8}, groups=groups)
    text = exported().file.read_text()
    assert "override /model: big" in text and "units:" not in text  # an id may contain 256
    assert "units: 256" in besom("train", "+experiment=small", "--cfg", "job").out


def test_a_record_that_does_not_fit_the_configurations_of_today(
    root: Path, own_conf: Path, exported: Export
) -> None:
    (run_id,) = record_trials(root, {recorded([]): 0.8})
    (own_conf / "data" / "synthetic.yaml").rename(own_conf / "data" / "imdb.yaml")
    with pytest.raises(StudyError) as raised:
        exported()
    assert "`data.train_reviews` would be 4000, and was absent" in str(raised.value)
    assert f"`besom reproduce {run_id} --code --root {root}`" in str(raised.value)
    assert not (own_conf / "experiment").exists()


def test_a_record_with_a_key_that_is_gone(root: Path, exported: Export) -> None:
    newer = OmegaConf.create(recorded([]))
    newer.training.momentum = 0.9
    record_trials(root, {OmegaConf.to_yaml(newer): 0.8})
    with pytest.raises(StudyError, match=r"no key `training\.momentum`"):
        exported()
    assert not Path("conf").exists()


FOREIGN = OmegaConf.to_yaml({"x": 1.0, "model": {"units": 3}})


@pytest.mark.parametrize(
    ("study", "asked", "said"),
    [
        ({"trials": {"x: 1": 0.8}}, {"study": "smal"}, "did you mean `small`"),
        ({"trials": {FOREIGN: 0.8}}, {}, "is of another application"),
        ({"trials": {"": 0.8}}, {}, "holds no configuration"),
        ({"trials": {"x: 1": 0.8}, "state": "failed"}, {}, "no finished trial"),
        ({"trials": {}}, {}, "no finished trial"),
        (
            {"trials": {"x: 1": 0.8}, "objective": "a, b", "direction": "minimize, maximize"},
            {},
            "several objectives",
        ),
        ({"trials": {"x: 1": 0.8}, "tags": {schema.WINNER: "7"}}, {}, "trial 7, is not in"),
    ],
)
def test_refuses_in_a_line(
    study: dict[str, Any], asked: dict[str, Any], said: str, root: Path, exported: Export
) -> None:
    record_trials(root, **study)
    with pytest.raises(StudyError, match=said) as raised:
        exported(**asked)
    assert len(str(raised.value).splitlines()) == 1
    assert not Path("conf").exists()


@pytest.mark.parametrize(
    "overrides",
    [
        {"training": {"epochs": 3}, "data": {"path": "x"}, "model": {"layers": 2}},
        {"training": None, "data": [], "model": 5},
        {"training": "${nowhere}", "data": {}, "model": {}},
    ],
)
def test_another_applications_sections_of_the_same_names_do_not_make_it_ours(
    overrides: dict[str, Any], root: Path, exported: Export
) -> None:
    record_trials(root, {OmegaConf.to_yaml(overrides): 0.8})
    with pytest.raises(StudyError, match="is of another application"):
        exported()


def test_an_old_verdict_says_so(root: Path, exported: Export) -> None:
    tags = {schema.VERDICT: "Trial 0 wins.", schema.WINNER: "0", schema.VERDICT_TRIALS: "1"}
    record_trials(root, {recorded(["model.units=16"]): 0.8, recorded([]): 0.7}, tags)
    text = " ".join(line.removeprefix("# ") for line in exported().file.read_text().splitlines())
    assert "Trial 0 wins. It was reached after 1 of 2 trials; the sweep's own command" in text
    assert "judges anew" in text


@pytest.mark.parametrize("name", ["a/b", "5", "null", ".hidden", "a b", "é"])
def test_a_name_that_no_command_line_could_give(name: str, root: Path, exported: Export) -> None:
    record_trials(root, {recorded([]): 0.8})
    with pytest.raises(StoreError, match=f"--name {name}: no plain name"):
        exported(name)


def test_a_training_with_it_has_the_trials_parameters(
    root: Path, exported: Export, besom: Command
) -> None:
    record_trials(root, {recorded([*SYNTHETIC, *SMALL, "training.epochs=1", "seed=2"]): 0.5})
    exported()
    ended = besom("train", "+experiment=small")
    assert ended.code == 0, ended.err
    assert "test_accuracy" in ended.out
    run_id = ended.out.partition("run ")[2].split(",")[0].strip()
    (run,) = open_reader(root, None).runs([run_id])
    assert run.params["model.units"] == "4" and run.params["training.epochs"] == "1"
    assert run.params["data.name"] == "synthetic" and run.params["seed"] == "2"
    chosen = json.loads(run.tags[schema.GROUPS])
    assert chosen["data"] == "synthetic" and chosen["model"] == "simple_rnn"
