"""What the Keras callback reports from ``fit``, and models that are saved from memory."""

import logging
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import besom
from besom.common.errors import Interrupted, Pruned, Stop
from besom.session import KerasModel, TensorSpec, listening
from besom.tracking import connect
from tests.test_session import Told

X, Y = np.zeros((8, 3), "float32"), np.zeros((8, 1), "float32")
SCORE = TensorSpec((None, 1), "float32")


@pytest.fixture(scope="module")
def network() -> keras.Model:
    """Return a compiled model. All tests share it, since its weights do not matter."""
    network = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    network.compile(loss="mse", metrics=["mae"])
    return network


def fit(network: keras.Model, *callbacks: keras.callbacks.Callback, **options: Any) -> None:
    callback = besom.KerasCallback()
    network.fit(X, Y, verbose=0, callbacks=[*callbacks, callback], **options)


def steps(told: Told) -> list[int]:
    return [said[0] for said in told.said if isinstance(said, tuple)]


def expected(told: Told) -> list[int]:
    return [said for said in told.said if isinstance(said, int)]


NOISY = """\
import os
os.write(2, b"oneDNN custom operations are on. " * bool(os.environ["TF_CPP_MIN_LOG_LEVEL"]))
from types import SimpleNamespace
callbacks = SimpleNamespace(Callback=object)
Model = KerasTensor = None
"""


def test_the_callback_imports_keras_without_what_tensorflow_writes_of_itself(
    tmp_path: Path,
) -> None:
    (tmp_path / "keras.py").write_text(NOISY)
    words = [sys.executable, "-c", "import besom; besom.KerasCallback; print('imported')"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("imported\n", "")


def test_each_epoch_is_reported_under_the_names_of_its_logs(network: keras.Model) -> None:
    with listening(told := Told()):
        fit(network, epochs=2, validation_data=(X, Y))
    assert told.said[0] == 2 and steps(told) == [1, 2]
    names = {"loss", "mae", "val_loss", "val_mae"}
    for _, metrics in told.said[1:]:
        assert metrics.keys() == names
        assert {type(value) for value in metrics.values()} == {float}


def test_nothing_is_done_where_nothing_listens(
    network: keras.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    fit(network, epochs=2)
    besom.save_model(network)
    assert list(tmp_path.iterdir()) == []


def test_epochs_keep_their_numbers_and_fits_go_on_counting(network: keras.Model) -> None:
    with listening(told := Told()):
        fit(network, epochs=5, initial_epoch=3)
    assert steps(told) == [4, 5] and expected(told) == [5]
    with listening(told := Told()):
        for _ in range(2):  # two folds
            fit(network, epochs=2)
        fit(network, epochs=6, initial_epoch=4)  # continues the numbers of the last fit
        fit(network, epochs=5, initial_epoch=4)  # starts one step behind
    assert steps(told) == [1, 2, 3, 4, 5, 6, 7]
    assert expected(told) == [2, 4, 6, 7]


def test_a_task_may_expect_more_than_its_first_fit(network: keras.Model) -> None:
    with listening(told := Told()):
        besom.expect(4)
        for _ in range(2):
            fit(network, epochs=2)
    assert expected(told) == [4] and steps(told) == [1, 2, 3, 4]


class Ending(Told):
    """A listener that ends the task after its second report."""

    def __init__(self, stop: type[Stop]) -> None:
        super().__init__()
        self._stop = stop

    def report(self, step: int, metrics: Mapping[str, float]) -> None:
        super().report(step, metrics)
        if step == 2:
            raise self._stop(f"after step {step}")


@pytest.mark.parametrize("stop", [Pruned, Interrupted])
def test_a_fit_ends_after_the_epoch_and_says_why(stop: type[Stop], network: keras.Model) -> None:
    seen: list[Any] = []
    other = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append(epoch),
        on_train_end=lambda logs: seen.append("end"),
    )
    with listening(told := Ending(stop)), pytest.raises(stop, match="after step 2"):
        fit(network, other, epochs=9)
    assert steps(told) == [1, 2] and seen == [0, 1, "end"]


def test_what_is_no_single_number_is_left_out_with_a_word(
    caplog: pytest.LogCaptureFixture,
) -> None:
    network = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    network.compile(loss="mse", metrics=[keras.metrics.F1Score(average=None)])
    with listening(told := Told()), caplog.at_level(logging.WARNING):
        network.fit(
            X, np.eye(2)[[0, 1] * 4], epochs=2, verbose=0, callbacks=[besom.KerasCallback()]
        )
    assert [metrics.keys() for _, metrics in told.said[1:]] == [{"loss"}, {"loss"}]
    assert [record.message for record in caplog.records] == [
        "f1_score is no single number, and is not reported"
    ]


def test_a_model_in_memory_is_kept_with_its_shapes(network: keras.Model) -> None:
    with listening(told := Told()):
        besom.save_model(network)
    (kept,) = told.said
    assert (kept.inputs, kept.outputs) == (TensorSpec((None, 3), "float32"), SCORE)
    again = keras.saving.load_model(kept.path)
    assert again.predict(X, verbose=0).shape == (8, 1)


def two_inputs(other: str) -> keras.Model:
    """Return a model with two inputs: numbers, and a category as an integer or a string."""
    numbers, kind = keras.Input((3,), name="numbers"), keras.Input((1,), dtype=other, name="kind")
    hashed = keras.layers.Hashing(num_bins=4, output_mode="one_hot")(kind)
    joined = keras.layers.Concatenate()([numbers, hashed])
    return keras.Model({"numbers": numbers, "kind": kind}, keras.layers.Dense(1)(joined))


class Subclassed(keras.Model):
    def call(self, x: Any) -> Any:
        return x


def test_several_inputs_have_names_and_a_subclass_has_none() -> None:
    subclassed = Subclassed()
    subclassed(X)
    with listening(told := Told()):
        besom.save_model(two_inputs("string"))
        besom.save_model(subclassed)
    named, unknown = told.said
    assert named.inputs == {
        "numbers": TensorSpec((None, 3), "float32"),
        "kind": TensorSpec((None, 1), "str"),
    }
    assert (unknown.inputs, unknown.outputs) == (None, None)


def test_mlflow_serves_a_model_of_several_inputs(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow.pyfunc

    from besom.tracking.listener import RunListener

    network = two_inputs("int32")
    with connect(root, None, "tests") as record:
        run_id = record.start_run("train", {})
        with listening(RunListener(record, run_id)):
            besom.save_model(network)
        record.prepare_end(run_id, "FINISHED", {}, {})
        record.end_run(run_id)
        record.flush()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{root / 'mlflow.db'}")
    served = mlflow.pyfunc.load_model(f"runs:/{run_id}/model")
    asked = {"numbers": X[:2], "kind": np.array([[0], [1]], "int32")}
    assert served.predict(asked).shape == (2, 1)
    assert served.metadata.signature.inputs.input_names() == ["numbers", "kind"]


@pytest.mark.parametrize("model", [object(), "model.keras", None])
def test_what_is_no_model_of_keras_is_refused(model: Any) -> None:
    with pytest.raises(TypeError, match=r"besom\.KerasModel"):
        besom.save_model(model)


def test_a_type_that_numpy_has_not_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.keras").touch()
    saved = KerasModel(tmp_path / "model.keras", TensorSpec((None, 3), "float23"), SCORE)
    with pytest.raises(ValueError, match="dtype='float23' is no type of NumPy's"):
        besom.save_model(saved)
