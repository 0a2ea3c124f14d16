"""A training that is interrupted and goes on is the same, to the last bit, as one that is not."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from omegaconf import DictConfig

from besom import recorder
from besom.errors import Interrupted, Pruned
from besom.rnn.train import train
from tests.rnn.test_train import Notes

Small = Callable[..., DictConfig]
KEPT = "checkpoint.npz"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a trial's job, the same for each attempt."""
    monkeypatch.setattr("besom.rnn.train._output_folder", lambda: tmp_path)
    return tmp_path


class Ending(Notes):
    """Ends the training after an epoch."""

    def __init__(self, after: int, error: type[Exception]) -> None:
        super().__init__()
        self._after, self._error = after, error

    def report(self, step: int, metrics: Mapping[str, float]) -> None:
        super().report(step, metrics)
        if step == self._after:
            raise self._error


def trained(config: DictConfig) -> tuple[Notes, dict[str, float], list[np.ndarray]]:
    """What a training says, returns, and saves."""
    import keras

    notes = Notes()
    with recorder.listening(notes):
        metrics = train(config)
    return notes, metrics, keras.models.load_model(notes.models[0].path).get_weights()


def interrupted(config: DictConfig, after: int) -> None:
    with recorder.listening(Ending(after, Interrupted)), pytest.raises(Interrupted):
        train(config)


SETTINGS = {
    "xla": ("model.dropout=0.3", "training.shuffle=every_epoch"),
    "keras": ("training.engine=keras", "model.dropout=0.3", "training.shuffle=every_epoch"),
    "best": (
        *("training.restore_best=true", "training.patience=3", "training.learning_rate=0.1"),
        *("model=lstm", "training.optimizer=rmsprop"),
    ),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_what_was_interrupted_ends_with_the_same_bits(
    small: Small, folder: Path, name: str
) -> None:
    config = small("training.epochs=5", "training.checkpoint=true", *SETTINGS[name])
    whole = trained(config)
    assert not (folder / KEPT).exists()
    for after in (2, 3):
        interrupted(config, after)
    assert (folder / KEPT).exists()
    resumed = trained(config)
    assert resumed[0].reports == whole[0].reports
    assert resumed[1] == whole[1]
    for one, other in zip(resumed[2], whole[2], strict=True):
        np.testing.assert_array_equal(one, other)
    assert not (folder / KEPT).exists()


def test_epochs_that_were_done_are_not_trained_again(
    small: Small, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from besom.rnn.xla import XlaEngine

    config = small("training.epochs=4", "training.checkpoint=true")
    interrupted(config, 3)
    calls, train_epoch = [], XlaEngine.train

    def counted(self: XlaEngine, order: np.ndarray) -> object:
        calls.append(order)
        return train_epoch(self, order)

    monkeypatch.setattr(XlaEngine, "train", counted)
    trained(config)
    assert len(calls) == 1


def test_a_training_that_patience_had_ended_is_not_prolonged(small: Small, folder: Path) -> None:
    settings = ("training.epochs=9", "training.patience=1", "training.learning_rate=1e-9")
    config = small("training.checkpoint=true", *settings)
    interrupted(config, 2)
    assert len(trained(config)[0].reports) == 2


@pytest.mark.parametrize("change", ["seed=5", "training.learning_rate=0.5", "model.units=5"])
def test_another_trainings_state_is_not_used(small: Small, folder: Path, change: str) -> None:
    interrupted(small("training.epochs=3", "training.checkpoint=true"), 2)
    other = small("training.epochs=3", "training.checkpoint=true", change)
    notes, _, _ = trained(other)
    assert notes.reports == trained(other)[0].reports


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 torn"])
def test_a_torn_file_means_a_new_start(
    small: Small, folder: Path, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    config = small("training.epochs=2", "training.checkpoint=true")
    whole = trained(config)
    (folder / KEPT).write_bytes(damage)
    assert trained(config)[0].reports == whole[0].reports
    assert "damaged" in caplog.text


def test_what_has_ended_leaves_no_state(small: Small, folder: Path) -> None:
    config = small("training.epochs=3", "training.checkpoint=true")
    with recorder.listening(Ending(1, Pruned)), pytest.raises(Pruned):
        train(config)
    assert not (folder / KEPT).exists()


def test_without_the_key_nothing_is_kept(small: Small, folder: Path) -> None:
    interrupted(small("training.epochs=3"), 2)
    assert not (folder / KEPT).exists()
