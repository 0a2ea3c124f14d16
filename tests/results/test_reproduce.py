"""Tests ``besom reproduce``: which run is meant, and how its numbers are compared."""

from pathlib import Path

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from besom.app.config_paths import conf_folder
from besom.common.errors import Pruned
from besom.results.reproduce import Replay, Reproduction, find, show
from besom.results.studies import Trial
from besom.rnn import config
from besom.tracking import connect, schema
from besom.tracking.reader import ReadRun, open_reader
from tests.conftest import Command
from tests.results.conftest import start

TRIAL = Trial(ReadRun("id", "name", "FINISHED", 0, 1, {}, {}, {}), 0, "trial", "complete", 1, {})


@pytest.mark.parametrize(("what", "number"), [("baseline", 0), ("best", 1)])
def test_the_baseline_and_the_best_are_of_the_latest_study(
    what: str, number: int, study: list[str], root: Path
) -> None:
    assert find(open_reader(root, None), what, None).run.run_id == study[number]


def test_the_run_that_is_repeated_is_meant_by_one_that_repeats_it(
    study: list[str], root: Path
) -> None:
    with connect(root, None, "besom") as record:
        repeat = record.start_run("repeat", {schema.DUPLICATE_OF: study[1]})
        record.kill(repeat, {})
    assert find(open_reader(root, None), repeat, None).run.run_id == study[1]


@pytest.mark.parametrize(
    ("again", "sentence"),
    [
        ({("loss", 1): 0.5}, "bit-identical: all 1 numbers"),
        ({("loss", 1): 0.5 + 2e-6}, "agrees within 2.0e-06: loss, epoch 1"),
        ({("loss", 1): 0.6}, "differs by up to 0.1: loss, epoch 1"),
        ({("loss", 1): float("nan")}, "differs by up to inf: loss, epoch 1"),
        ({("loss", 2): 0.5}, "differs: 1 numbers recorded, 1 now"),
    ],
)
def test_says_how_far_the_numbers_agree(again: dict[tuple[str, int], float], sentence: str) -> None:
    found = Reproduction(TRIAL, {("loss", 1): 0.5}, again, [])
    assert found.sentence == sentence
    assert found.agrees == (not sentence.startswith("differs"))


def test_the_table_has_the_difference_that_the_sentence_names(
    capsys: pytest.CaptureFixture[str],
) -> None:
    recorded = {("loss", 1): 0.7, ("loss", 2): 0.5, ("test_loss", 0): 0.6}
    show(Reproduction(TRIAL, recorded, recorded | {("loss", 1): 0.75}, []))
    lines = capsys.readouterr().out.splitlines()
    assert lines[2:7] == [
        "             recorded       again  largest difference of all epochs",
        "loss         0.500000    0.500000  0.05, epoch 1",
        "test_loss    0.600000    0.600000  0",
        "",
        "differs by up to 0.05: loss, epoch 1",
    ]


def test_a_number_that_was_none_is_none_again() -> None:
    found = Reproduction(TRIAL, {("loss", 1): float("nan")}, {("loss", 1): float("nan")}, [])
    assert found.difference == 0


def test_a_replay_stops_where_the_trial_was_pruned() -> None:
    replay = Replay(stop_after=2)
    replay.report(1, {"loss": 0.5})
    with pytest.raises(Pruned):
        replay.report(2, {"loss": 0.4})
    assert replay.numbers == {("loss", 1): 0.5, ("loss", 2): 0.4}


def test_a_replay_keeps_final_numbers_where_the_record_does() -> None:
    replay = Replay(None)
    replay.report(1, {"val_loss": 0.5})
    replay.log({"val_loss": 0.4, "test_loss": 0.6, "engine": "xla"})
    assert replay.numbers == {("val_loss", 1): 0.4, ("test_loss", 0): 0.6}
    assert replay.facts == {"engine": "xla"}


def test_several_objectives_have_no_best(root: Path, besom: Command) -> None:
    with connect(root, None, "besom") as record:
        both = start(record, "both", "objective", "minimize, maximize")
        both.trial(0, {"x": 1}, {"objective": [1.0], "objective_1": [2.0]})
    ended = besom("reproduce", "best")
    assert (ended.code, ended.out) == (2, "")
    assert "study both has several objectives, so none of its trials is the best" in ended.err


@pytest.fixture
def imdb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a small file of reviews; set up an empty cache, and hide the tester's own data."""
    monkeypatch.setenv("BESOM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.delenv("BESOM_IMDB_PATH", raising=False)
    file = tmp_path / "imdb.npz"
    write_reviews(file, last=9)
    return file


def write_reviews(file: Path, last: int) -> None:
    """Write 40 reviews for each split; ``last`` is the last token of the training reviews."""
    reviews = np.empty(40, object)
    reviews[:] = [[1, 4 + number % 7, 5, 6 + number % 3, 9] for number in range(40)]
    labels = np.arange(40) % 2
    changed = reviews.copy()
    changed[-1] = [*reviews[-1][:-1], last]
    np.savez(file, x_train=changed, y_train=labels, x_test=reviews, y_test=labels)


@pytest.fixture
def sizes(imdb: Path) -> list[str]:
    return [
        *(f"data.path='{imdb}'", "data.vocab_size=20", "data.max_length=5"),
        *("model.embedding_dim=2", "model.units=2", "training.batch_size=16", "training.epochs=1"),
        "evaluate_test=false",
    ]


def test_other_data_than_then_are_named(imdb: Path, sizes: list[str], besom: Command) -> None:
    assert besom("train", *sizes).code == 0
    (run_id,) = open_reader(Path("mlruns"), None).run_ids()
    same = besom("reproduce", run_id)
    assert same.code == 0 and "bit-identical" in same.out and "data:" not in same.out, same
    size, before = imdb.stat().st_size, imdb.read_bytes()
    write_reviews(imdb, last=8)
    after = imdb.read_bytes()
    assert len(after) == size and after != before
    changed = besom("reproduce", run_id)
    assert "  data: " in changed.out and " then, " in changed.out, changed


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("failed", "is failed, so its record is incomplete"),
        ("dead", "is dead, so"),
        ("interrupted", "is interrupted, so"),
        ("running", "is running, so"),
        ("pruned", "is pruned and holds no numbers to compare with"),
    ],
)
def test_a_record_that_breaks_off_is_not_trained_again(
    state: str, said: str, root: Path, sizes: list[str], besom: Command
) -> None:
    config.register()
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        text = OmegaConf.to_yaml(compose("train", sizes))
    with connect(root, None, "besom") as record:
        run_id = record.start_run("cut", {schema.STATE: "running"})
        record.text(run_id, schema.CONFIG_FILE, text)
        if state != "pruned":
            record.metrics(run_id, 1, {"loss": 0.5})
        if state != "running":
            status = "FINISHED" if state == "pruned" else "FAILED"
            record.prepare_end(run_id, status, {schema.STATE: state}, {})
            record.end_run(run_id)
    ended = besom("reproduce", run_id)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err and ended.err.count("\n") == 1


def test_another_applications_record_is_refused(root: Path, besom: Command) -> None:
    with connect(root, None, "besom") as record:
        run_id = record.start_run("foreign", {})
        record.text(run_id, schema.CONFIG_FILE, "training: {epochs: 3}\n")
        record.metrics(run_id, 1, {"loss": 0.5})
        record.prepare_end(run_id, "FINISHED", {}, {})
        record.end_run(run_id)
    ended = besom("reproduce", run_id)
    assert (ended.code, ended.out) == (2, "")
    assert "is of another application than besom train" in ended.err


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["0" * 32], ["no run 000", "besom compare"]),
        (["bset"], ["`bset` is no run's id", "did you mean `best`?"]),
        (["small"], ["`besom reproduce best --study NAME`"]),
        (["best", "--study", "smal"], ["did you mean `small`?"]),
        (["baseline", "--root", "elsewhere"], ["holds no record"]),
        (["baseline"], ["holds no configuration"]),
        (["baseline", "--code"], ["is not known"]),
    ],
)
def test_refuses_in_a_line(
    words: list[str], parts: list[str], study: list[str], besom: Command
) -> None:
    ended = besom("reproduce", *words)
    assert ended.code == 2 and ended.out == ""
    assert all(part in ended.err for part in parts), ended.err
