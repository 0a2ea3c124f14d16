"""Tests the fast clone of a model: it computes the same, and saved files stay stock Keras."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest

pytestmark = pytest.mark.usefixtures("tensorflow")

STRANGER = """
import sys

class NoBesom:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "besom":
            raise ImportError("there is no Besom here")

sys.meta_path.insert(0, NoBesom())
try:
    import besom
except ImportError:
    pass
else:
    sys.exit("Besom can be imported")

import keras, numpy as np
for folder in sys.argv[1:]:
    model = keras.models.load_model(f"{folder}/model.keras")
    modules = [type(layer).__module__ for layer in model.layers]
    assert all(module.startswith("keras.src.") for module in modules), modules
    np.save(f"{folder}/found.npy", model.predict(np.load(f"{folder}/tokens.npy"), verbose=0))
"""


def test_a_saved_model_predicts_the_same_without_besom(tmp_path: Path) -> None:
    """One has Besom's SimpleRNN, one was trained by the XLA engine, one has many operations."""
    tokens = np.random.default_rng(1).integers(1, 30, (20, 8), np.int32)
    models = {"ours": with_the_drop_in(), "trained": trained_by_xla(), "fasttext": fasttext()}
    for name, model in models.items():
        (tmp_path / name).mkdir()
        model.save(tmp_path / name / "model.keras")
        np.save(tmp_path / name / "tokens.npy", tokens)
    command = [sys.executable, "-c", STRANGER, *models]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    for name, model in models.items():
        found = np.load(tmp_path / name / "found.npy")
        np.testing.assert_allclose(found, model.predict(tokens, verbose=0), rtol=1e-6, atol=1e-7)
        assert found.std() > 1e-4


def with_the_drop_in() -> Any:
    import keras

    from besom.rnn.engines.recurrent import SimpleRNN

    keras.utils.set_random_seed(0)
    tokens = keras.Input((8,), dtype="int32")
    x = SimpleRNN(4)(keras.layers.Embedding(30, 5)(tokens))
    return keras.Model(tokens, keras.layers.Dense(1, activation="sigmoid")(x))


def fasttext() -> Any:
    from tests.rnn.engines.test_engines import REVIEWS, made, split

    return made("keras", split(REVIEWS), model="fasttext", embedding_dim=30)[1]


def trained_by_xla() -> Any:
    from tests.rnn.engines.test_engines import REVIEWS, made, split

    engine, model = made("xla", split(REVIEWS))
    engine.train(np.arange(REVIEWS, dtype=np.int32))
    return model


def test_a_saved_layer_is_named_as_the_stock_one(tmp_path: Path) -> None:
    with_the_drop_in().save(tmp_path / "model.keras")
    with ZipFile(tmp_path / "model.keras") as saved:
        config = saved.read("config.json").decode()
    (layer,) = [layer for layer in json.loads(config)["config"]["layers"] if "rnn" in layer["name"]]
    assert (layer["module"], layer["class_name"]) == ("keras.layers", "SimpleRNN")
    assert "besom" not in config


def model_of(name: str, dropout: float = 0.0) -> Any:
    from besom.rnn.models import build_model, reset

    reset(1)
    settings: Any = SimpleNamespace(
        name=name, embedding_dim=5, units=4, dropout=dropout, embedding_dropout=None, pooling=None
    )
    return build_model(settings, vocab_size=30, max_length=7, n_classes=2)


def tokens() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 30, (6, 7), np.int32)


@pytest.mark.parametrize("name", ["simple_rnn", "gru", "bidirectional", "bidirectional_simple_rnn"])
def test_computes_the_same_from_the_same_variables(name: str) -> None:
    from besom.rnn.engines.fast_clone import fast_clone_of

    model = model_of(name, dropout=0.5)
    fast = fast_clone_of(model)
    assert [*map(id, fast.trainable_variables)] == [*map(id, model.trainable_variables)]
    np.testing.assert_allclose(fast(tokens()), model(tokens()), rtol=1e-5)
    model.set_weights([weight * 2 for weight in model.get_weights()])
    np.testing.assert_allclose(fast(tokens()), model(tokens()), rtol=1e-5)


def test_only_the_clone_has_the_fast_layer() -> None:
    import keras

    from besom.rnn.engines.fast_clone import fast_clone_of
    from besom.rnn.engines.recurrent import SimpleRNN

    model = model_of("simple_rnn")
    before = model.to_json()
    fast = fast_clone_of(model)
    assert any(type(layer) is SimpleRNN for layer in fast.layers)
    assert type(model.get_layer("simple_rnn")) is keras.layers.SimpleRNN
    assert model.to_json() == before


def test_masks_reach_the_recurrent_layer() -> None:
    import keras

    from besom.rnn.engines.fast_clone import fast_clone_of

    keras.utils.set_random_seed(1)
    inputs = keras.Input((7,), dtype="int32")
    x = keras.layers.Embedding(30, 5, mask_zero=True)(inputs)
    model = keras.Model(inputs, keras.layers.SimpleRNN(4)(x))
    padded = np.where(np.arange(7) < 4, tokens() % 29 + 1, 0)
    np.testing.assert_allclose(fast_clone_of(model)(padded), model(padded), rtol=1e-5)


@pytest.mark.parametrize("return_sequences", [False, True])
def test_masks_go_through_both_directions_as_far_as_keras_has_them(return_sequences: bool) -> None:
    """Keras passes the mask on with all states, but not with the last state alone."""
    import keras

    from besom.rnn.engines.fast_clone import fast_clone_of

    keras.utils.set_random_seed(1)
    inputs = keras.Input((7,), dtype="int32")
    x = keras.layers.Embedding(30, 5, mask_zero=True)(inputs)
    rnn = keras.layers.SimpleRNN(4, return_sequences=return_sequences)
    x = keras.layers.Bidirectional(rnn)(x)
    x = keras.layers.GlobalAveragePooling1D()(x) if return_sequences else keras.layers.Softmax()(x)
    model = keras.Model(inputs, x)
    padded = np.where(np.arange(7) < 4, tokens() % 29 + 1, 0)
    np.testing.assert_allclose(fast_clone_of(model)(padded), model(padded), rtol=1e-5)


def test_the_gradient_of_the_table_stays_sparse() -> None:
    """Keras' Adam squares the gradient of every occurrence of a word, not their sum."""
    import tensorflow as tf

    from besom.rnn.engines.fast_clone import fast_clone_of

    fast = fast_clone_of(model_of("simple_rnn"))
    table = fast.get_layer("embedding").embeddings.value
    with tf.GradientTape() as tape:
        praise = fast(tokens())
    gradient = tape.gradient(praise, table)
    assert isinstance(gradient, tf.IndexedSlices)
    assert len(gradient.indices) == tokens().size
