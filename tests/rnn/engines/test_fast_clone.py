"""The form of a model that is compiled: its SimpleRNN is held to the stock layer, in values,
gradients, configuration and files."""

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

SIZES = [
    (1, 1, 1, 1),
    (4, 1, 3, 2),
    (5, 7, 3, 2),
    pytest.param((16, 30, 8, 12), marks=pytest.mark.slow),  # between the others
    (8, 400, 32, 32),
]
"""Batch, time, width, units."""


def pair(units: int, **settings: Any) -> tuple[Any, Any]:
    """A stock layer and ours, not built."""
    import keras

    from besom.rnn.engines.fast_clone import SimpleRNN

    return keras.layers.SimpleRNN(units, **settings), SimpleRNN(units, **settings)


def same_weights(stock: Any, ours: Any, shape: tuple[int, ...]) -> None:
    """Build both; biases are random too, for zeros would hide a missing one."""
    random = np.random.default_rng(3)
    stock.build(shape)
    ours.build(shape)
    weights = [random.normal(0, 0.3, weight.shape) for weight in stock.get_weights()]
    stock.set_weights(weights)
    ours.set_weights(weights)


def sequences(*shape: int) -> np.ndarray:
    return np.random.default_rng(2).normal(0, 1, shape).astype(np.float32)


def value_and_gradients(layer: Any, inputs: np.ndarray, *, compiled: bool) -> list[np.ndarray]:
    """The output, then the gradients of a weighted sum of it: input, kernels, bias."""
    import tensorflow as tf

    def run(x: Any) -> list[Any]:
        with tf.GradientTape() as tape:
            tape.watch(x)
            output = layer(x)
            weighted = tf.reduce_sum(output * tf.cast(tf.range(tf.size(output[0])) + 1, tf.float32))
        sources = [x, *(weight.value for weight in layer.trainable_variables)]
        return [output, *tape.gradient(weighted, sources)]

    function = tf.function(run, jit_compile=True, autograph=False) if compiled else run
    return [np.array(result) for result in function(tf.constant(inputs))]


@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "eager"])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_values_and_gradients_are_the_stock_layers(
    size: tuple[int, int, int, int], compiled: bool
) -> None:
    batch, time, width, units = size
    stock, ours = pair(units)
    same_weights(stock, ours, (batch, time, width))
    inputs = sequences(batch, time, width)
    expected = value_and_gradients(stock, inputs, compiled=compiled)
    found = value_and_gradients(ours, inputs, compiled=compiled)
    assert len(found) == 5
    for one, other in zip(found, expected, strict=True):
        assert np.linalg.norm(one - other) <= 1e-5 * np.linalg.norm(other)
        assert np.abs(one - other).max() <= 1e-5 * np.abs(other).max()


def test_works_without_a_bias() -> None:
    stock, ours = pair(4, use_bias=False)
    same_weights(stock, ours, (3, 6, 2))
    expected = value_and_gradients(stock, sequences(3, 6, 2), compiled=True)
    found = value_and_gradients(ours, sequences(3, 6, 2), compiled=True)
    assert len(found) == 4
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "settings",
    [
        {"activation": "relu"},
        {"activation": None},
        {"return_sequences": True},
        {"return_state": True},
        {"go_backwards": True},
        {"unroll": True},
        {"stateful": True},
        {"dtype": "mixed_bfloat16"},
        {"dtype": "float64"},
    ],
    ids=str,
)
def test_whatever_else_is_asked_for_is_the_stock_computation(settings: dict[str, Any]) -> None:
    stock, ours = pair(4, **settings)
    same_weights(stock, ours, (3, 6, 2))
    for _ in range(2):  # a stateful layer goes on from its first call
        expected, found = stock(sequences(3, 6, 2)), ours(sequences(3, 6, 2))
        if not isinstance(expected, (list, tuple)):
            expected, found = [expected], [found]
        for one, other in zip(found, expected, strict=True):
            assert one.dtype == other.dtype
            np.testing.assert_array_equal(np.float64(one), np.float64(other))


def test_masks_and_initial_states_are_respected() -> None:
    stock, ours = pair(4)
    same_weights(stock, ours, (3, 6, 2))
    inputs, mask = sequences(3, 6, 2), np.arange(6)[None] < np.array([[6], [2], [0]])
    state = sequences(3, 4)
    for arguments in ({"mask": mask}, {"initial_state": state}):
        np.testing.assert_array_equal(ours(inputs, **arguments), stock(inputs, **arguments))
        assert np.abs(ours(inputs, **arguments) - ours(inputs)).max() > 1e-3


@pytest.mark.parametrize("kind", ["dropout", "recurrent_dropout"])
def test_drops_in_training_only(kind: str) -> None:
    stock, ours = pair(4, **{kind: 0.5})
    same_weights(stock, ours, (3, 6, 2))
    inputs = sequences(3, 6, 2)
    np.testing.assert_array_equal(ours(inputs, training=False), stock(inputs, training=False))
    assert np.abs(ours(inputs, training=True) - ours(inputs, training=False)).max() > 1e-3


def test_regularizers_still_count() -> None:
    stock, ours = pair(4, kernel_regularizer="l2", activity_regularizer="l2")
    same_weights(stock, ours, (3, 6, 2))
    stock(sequences(3, 6, 2)), ours(sequences(3, 6, 2))
    np.testing.assert_allclose([*map(float, ours.losses)], [*map(float, stock.losses)], rtol=1e-5)


def test_configuration_and_weights_are_the_stock_layers() -> None:
    stock, ours = pair(4, name="rnn")
    same_weights(stock, ours, (3, 6, 2))
    assert ours.get_config() == stock.get_config()
    paths = [[weight.path for weight in layer.weights] for layer in (ours, stock)]
    assert paths[0] == paths[1]


def test_trains_in_a_keras_model_of_any_batch_size() -> None:
    import keras

    from besom.rnn.engines.fast_clone import SimpleRNN

    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((None, 2)), SimpleRNN(4), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    losses = model.fit(sequences(10, 6, 2), np.ones(10), batch_size=4, epochs=3, verbose=0)
    assert losses.history["loss"][-1] < losses.history["loss"][0]
    assert model.predict(sequences(5, 9, 2), verbose=0).shape == (5, 1)


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
    """One with the drop-in in it, one that the XLA engine has trained, one of many operations."""
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

    from besom.rnn.engines.fast_clone import SimpleRNN

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


@pytest.mark.parametrize("name", ["simple_rnn", "gru", "lstm", "bidirectional"])
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

    from besom.rnn.engines.fast_clone import SimpleRNN, fast_clone_of

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
