"""Tests that an interrupted training resumes to the same bits as one without interruption."""

import importlib
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from hydra import compose
from omegaconf import DictConfig

from besom import session
from besom.app.source import source_of
from besom.common.errors import Interrupted, Pruned
from besom.rnn.train import train
from tests.rnn.conftest import SMALL
from tests.rnn.test_train import Notes

Small = Callable[..., DictConfig]
KEPT = "checkpoint.npz"


@pytest.fixture
def folder(job: Path) -> Path:
    """Return the folder of a trial's job, which all attempts share."""
    return job


class Ending(Notes):
    """Ends the training with ``error`` after the epoch ``after``."""

    def __init__(self, after: int, error: type[Exception]) -> None:
        super().__init__()
        self._after, self._error = after, error

    def report(self, step: int, metrics: Mapping[str, float]) -> None:
        super().report(step, metrics)
        if step == self._after:
            raise self._error


def trained(config: DictConfig) -> tuple[Notes, dict[str, float]]:
    """Train; return what the listener noted, and the metrics without ``predict_ms``."""
    notes = Notes()
    with session.listening(notes):
        metrics = train(config)
    del metrics["predict_ms"]  # a time
    return notes, metrics


def saved_weights(notes: Notes) -> list[np.ndarray]:
    """Return the weights of the model that a training has saved."""
    import keras

    return keras.models.load_model(notes.models[0].path).get_weights()


def interrupted(config: DictConfig, after: int) -> None:
    with session.listening(Ending(after, Interrupted)), pytest.raises(Interrupted):
        train(config)


SETTINGS = {
    "xla": ("model.dropout=0.3", "training.shuffle=every_epoch"),
    "keras": ("training.engine=keras", "training.optimizer=rmsprop", "model.dropout=0.3"),
    "best": ("training.restore_best=true", "training.patience=3", "training.learning_rate=0.1"),
}


@pytest.mark.parametrize(
    ("name", "interruptions"),
    [
        ("xla", [2, 3]),
        pytest.param("keras", [2], marks=pytest.mark.slow),
        pytest.param("best", [2], marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_what_was_interrupted_ends_with_the_same_bits(
    small: Small, folder: Path, name: str, interruptions: list[int]
) -> None:
    config = small("training.epochs=5", "training.checkpoint=true", *SETTINGS[name])
    whole = trained(config)
    weights = saved_weights(whole[0])
    assert not (folder / KEPT).exists()
    for after in interruptions:
        interrupted(config, after)
    assert (folder / KEPT).exists()
    resumed = trained(config)
    assert resumed[0].reports == whole[0].reports
    assert resumed[1] == whole[1]
    for one, other in zip(saved_weights(resumed[0]), weights, strict=True):
        np.testing.assert_array_equal(one, other)
    assert not (folder / KEPT).exists()


@pytest.fixture
def orders(monkeypatch: pytest.MonkeyPatch) -> list[np.ndarray]:
    """Return a list that receives the order of the reviews in each trained epoch."""
    from besom.rnn.engines.xla import XlaEngine

    found, train_epoch = [], XlaEngine.train

    def noted(self: XlaEngine, order: np.ndarray) -> object:
        found.append(order)
        return train_epoch(self, order)

    monkeypatch.setattr(XlaEngine, "train", noted)
    return found


def test_only_the_same_training_goes_on(
    small: Small, folder: Path, orders: list[np.ndarray]
) -> None:
    settings = ("training.epochs=3", "training.checkpoint=true")
    alone = trained(small(*settings, "seed=5"))[0].reports
    interrupted(small(*settings), 2)
    state = (folder / KEPT).read_bytes()
    for change in ("seed=5", "training.learning_rate=0.5"):
        (folder / KEPT).write_bytes(state)
        orders.clear()
        reports = trained(small(*settings, change))[0].reports
        assert len(orders) == 3, change
        assert (reports == alone) is (change == "seed=5")
    (folder / KEPT).write_bytes(state)
    orders.clear()
    assert trained(small(*settings))[0].reports != alone  # the seed matters
    assert len(orders) == 1


OWN = """
import keras
from keras import layers

def build(config, vocab_size, n_classes):
    tokens = keras.Input((config.data.max_length,), dtype="int32")
    x = layers.GlobalAveragePooling1D()(layers.Embedding(vocab_size, WIDTH)(tokens))
    return keras.Model(tokens, layers.Dense(1, activation="sigmoid")(x * BY))
"""


@pytest.mark.parametrize(
    ("other", "n_trained"),
    [
        ({}, 1),
        ({"BY": "2.0"}, 3),
        pytest.param({"WIDTH": "5"}, 3, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_a_network_of_ones_own_goes_on_under_its_own_source_alone(
    small: Small,
    folder: Path,
    orders: list[np.ndarray],
    other: Mapping[str, str],
    n_trained: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A changed source, with equal shapes or others, means a new start."""

    def write(texts: Mapping[str, str]) -> None:
        source = OWN
        for name, text in ({"BY": "9.0", "WIDTH": "4"} | dict(texts)).items():
            source = source.replace(name, text)
        (folder / "own_models.py").write_text(source)
        sys.modules.pop("own_models", None)  # as in another process
        importlib.invalidate_caches()
        source_of.cache_clear()

    monkeypatch.syspath_prepend(folder)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    config = small("training.epochs=3", "training.checkpoint=true", "model.build=own_models:build")
    write({})
    interrupted(config, 2)
    assert (folder / KEPT).exists()
    write(other)
    orders.clear()
    trained(config)
    assert len(orders) == n_trained


@pytest.mark.slow  # a rare case, three trainings
def test_another_number_of_variables_means_a_new_start(
    small: Small, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A network may depend on more than its configuration and source."""
    config = small("training.epochs=2", "training.checkpoint=true")
    whole = trained(config)
    interrupted(config, 1)
    with np.load(folder / KEPT) as archive:
        arrays = {name: archive[name] for name in archive.files}
    np.savez(folder / KEPT, **{name: arrays[name] for name in arrays if name != "variable_1"})
    assert trained(config)[0].reports == whole[0].reports
    assert "is of another network" in caplog.text


def test_texts_that_have_moved_go_on(
    hydra: None, folder: Path, orders: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [f"{'good' if i % 2 else 'bad'} film,{i % 2}" for i in range(100)]
    texts = folder / "texts.csv"
    texts.write_text("\n".join(["text,label", *rows]))
    monkeypatch.setenv("BESOM_CACHE", str(folder / "cache"))

    def config() -> DictConfig:
        words = ["training.epochs=3", "training.checkpoint=true", f"data.path='{texts}'"]
        return compose("train", overrides=["data=text_files", *SMALL, *words])

    interrupted(config(), 2)
    orders.clear()
    texts = texts.rename(folder / "moved.csv")
    trained(config())
    assert len(orders) == 1


def test_a_training_that_patience_had_ended_is_not_prolonged(small: Small, folder: Path) -> None:
    settings = ("training.epochs=9", "training.patience=1", "training.learning_rate=1e-9")
    config = small("training.checkpoint=true", *settings)
    interrupted(config, 2)
    assert len(trained(config)[0].reports) == 2


def test_a_torn_file_means_a_new_start(
    small: Small, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = small("training.epochs=2", "training.checkpoint=true")
    whole = trained(config)
    (folder / KEPT).write_bytes(b"PK\x03\x04 torn")
    assert trained(config)[0].reports == whole[0].reports
    assert "damaged" in caplog.text


def test_what_has_ended_leaves_no_state(small: Small, folder: Path) -> None:
    config = small("training.epochs=3", "training.checkpoint=true")
    with session.listening(Ending(1, Pruned)), pytest.raises(Pruned):
        train(config)
    assert not (folder / KEPT).exists()


def test_without_the_key_nothing_is_kept(small: Small, folder: Path) -> None:
    interrupted(small("training.epochs=3"), 2)
    assert not (folder / KEPT).exists()
