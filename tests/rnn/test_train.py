"""Tests the whole training task on small data."""

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from besom import session
from besom.app.hooks import hooks_of
from besom.common.errors import ConfigError, DataError, Pruned
from besom.rnn.models.costs import COSTS
from besom.rnn.train import check, check_data, identity, train
from besom.session import KerasModel

Small = Callable[..., DictConfig]
METRICS = {"loss", "accuracy", "val_loss", "val_accuracy"}


class Notes:
    """A listener that notes what it is told, and prunes the trial after ``epochs``."""

    def __init__(self, epochs: int = 99) -> None:
        self.epochs = epochs
        self.expected = 0
        self.reports: list[dict[str, float]] = []
        self.tags: dict[str, float | str] = {}
        self.models: list[KerasModel] = []
        self.tables: dict[str, Sequence[Mapping[str, float | str]]] = {}
        self.datasets: list[session.LoggedDataset] = []

    def expect(self, steps: int) -> None:
        self.expected = steps

    def report(self, step: int, metrics: Mapping[str, float]) -> None:
        assert step == len(self.reports) + 1
        self.reports.append(dict(metrics))
        if len(self.reports) == self.epochs:
            raise Pruned

    def log(self, values: Mapping[str, float | str]) -> None:
        self.tags.update(values)

    def save(self, path: Path) -> None:
        raise AssertionError("train saves nothing but its model")

    def save_model(self, model: KerasModel) -> None:
        self.models.append(model)

    def table(self, name: str, rows: Sequence[Mapping[str, float | str]]) -> None:
        self.tables[name] = rows

    def log_dataset(self, dataset: session.LoggedDataset) -> None:
        self.datasets.append(dataset)


def test_the_record_says_what_was_trained_on(small: Small, job: Path) -> None:
    notes = Notes()
    config = small("evaluate_test=false", "training.epochs=1")
    with session.listening(notes):
        metrics = train(config)
    assert set(metrics) == METRICS | set(COSTS)
    assert notes.tables == {}
    assert notes.tags.pop("threads")
    digest = identity(config)["data"]
    assert notes.tags == {"data.name": "synthetic", "data.digest": digest, "engine": "xla"}
    source = "besom.rnn.data.synthetic"
    assert notes.datasets == [session.LoggedDataset("synthetic", digest, source, 120)]


@pytest.mark.parametrize("engine", ["xla", "keras"])
def test_tells_every_epoch_and_saves_a_model_that_gives_the_recorded_predictions(
    small: Small, job: Path, engine: str
) -> None:
    import keras

    from besom.rnn.data import load

    notes = Notes()
    config = small(f"training.engine={engine}")
    with session.listening(notes):
        metrics = train(config)
    assert notes.expected == 2
    assert len(notes.reports) == 2 and set(notes.reports[0]) == METRICS
    assert set(metrics) == METRICS | {"test_loss", "test_accuracy", *COSTS}
    assert {name: metrics[name] for name in METRICS} == notes.reports[-1]
    [model] = notes.models
    assert model.path.parent == job
    assert (model.inputs.shape, model.inputs.dtype) == ((None, 8), "int32")
    assert (model.outputs.shape, model.outputs.dtype) == ((None, 1), "float32")
    loaded = keras.models.load_model(model.path)
    assert not hasattr(loaded, "optimizer"), "it would triple the file"
    test = load(config.data, 0.2, with_test=True).test
    assert test is not None
    praise = loaded.predict(test.tokens, verbose=0)[:, 0]
    rows = notes.tables["predictions"]
    assert len(rows) == 5
    sure = np.maximum(praise, 1 - praise)[:5]
    np.testing.assert_allclose([row["probability"] for row in rows], sure, atol=1e-6)
    names = np.array(["negative", "positive"])
    assert [row["label"] for row in rows] == names[test.labels[:5]].tolist()
    assert [row["predicted"] for row in rows] == names[(praise[:5] > 0.5).astype(int)].tolist()
    assert all(len(str(row["text"]).split()) > 2 for row in rows)
    assert metrics["test_accuracy"] == pytest.approx(((praise > 0.5) == test.labels).mean())


def test_without_hydra_the_model_goes_to_a_folder_for_the_moment(
    small: Small, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    notes = Notes()
    with session.listening(notes):
        train(small("evaluate_test=false", "training.epochs=1"))
    [model] = notes.models
    assert model.path.is_file() and model.path.is_relative_to(tmp_path)


def test_with_nobody_listening_nothing_is_saved(small: Small, job: Path) -> None:
    train(small("evaluate_test=false", "training.epochs=1"))
    assert not list(job.glob("*.keras"))


def test_a_pruned_trial_ends_at_once_and_saves_nothing(small: Small, job: Path) -> None:
    notes = Notes(epochs=1)
    with session.listening(notes), pytest.raises(Pruned):
        train(small("training.epochs=50"))
    assert len(notes.reports) == 1
    assert notes.models == []


def test_reviews_without_a_word_index_have_no_text(small_imdb: DictConfig, job: Path) -> None:
    notes = Notes()
    with session.listening(notes):
        train(small_imdb)
    assert [row["text"] for row in notes.tables["predictions"]] == [""] * 5
    assert notes.tags["data.name"] == "imdb"


def test_the_best_epoch_is_returned_when_it_is_restored(small: Small) -> None:
    settings = ["training.epochs=6", "training.learning_rate=0.05"]
    notes = Notes()
    with session.listening(notes):
        metrics = train(small("training.restore_best=true", *settings))
    accuracies = [report["val_accuracy"] for report in notes.reports]
    best = accuracies.index(max(accuracies))
    assert best < 5, "choose another seed: the last epoch is the best"
    assert {name: metrics[name] for name in METRICS} == notes.reports[best]
    shorter = train(small(f"training.epochs={best + 1}", *settings[1:]))
    del metrics["predict_ms"], shorter["predict_ms"]  # a time
    assert metrics == shorter


def test_patience_ends_a_training_early(small: Small) -> None:
    notes = Notes()
    with session.listening(notes):
        train(small("training.epochs=30", "training.patience=1", "training.learning_rate=1e-9"))
    assert notes.expected == 30
    assert len(notes.reports) == 2


def test_carries_its_hooks(small: Small) -> None:
    assert hooks_of(train).check_data is check_data
    assert hooks_of(train).identity(small()) == identity(small())


def test_is_checked_before_anything_is_loaded(small: Small, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"units=0"):
        train(small("model.units=0"))
    check(small("training.batch_size=80"))
    with pytest.raises(ConfigError, match="above the 80 texts"):
        check(small("training.batch_size=81"))


def test_the_check_reads_the_data(small_imdb: DictConfig, tmp_path: Path) -> None:
    check(small_imdb)
    small_imdb.data.path = str(tmp_path / "nothing.npz")
    with pytest.raises(DataError):
        check(small_imdb)


def test_a_vocabulary_above_the_datas_is_noted_once(
    small: Small, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        check(small())
        assert caplog.text == ""
        check(small("data.vocab_size=99999"))
        check(small("data.vocab_size=77777"))
    assert "`data.vocab_size=99999` is above" in caplog.text
    assert len(caplog.records) == 1, "a sweep over several values says it once"


@pytest.mark.parametrize(
    ("words", "params", "n_said"),
    [([], {}, 0), (["data.vocab_size=9"], {}, 1), ([], {"data.vocab_size": "choice(8,9)"}, 1)],
)
def test_a_vocabulary_that_is_the_default_s_is_not_worth_a_line(
    words: list[str],
    params: dict[str, str],
    n_said: int,
    small: Small,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("besom.rnn.train._noted", set())
    asked = {"overrides": {"task": words}, "sweeper": {"params": params}}
    monkeypatch.setattr(HydraConfig.instance(), "cfg", OmegaConf.create({"hydra": asked}))
    with caplog.at_level(logging.INFO):
        check(small("data.vocab_size=99999"))
    assert len(caplog.records) == n_said
