"""The form of a model that is compiled: the same variables, the same numbers."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.usefixtures("tensorflow")


def model_of(name: str, dropout: float = 0.0) -> Any:
    from besom.rnn.models import build_model, reset

    reset(1)
    settings: Any = SimpleNamespace(name=name, embedding_dim=5, units=4, dropout=dropout)
    return build_model(settings, vocab_size=30, max_length=7)


def tokens() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 30, (6, 7), np.int32)


@pytest.mark.parametrize("name", ["simple_rnn", "gru", "lstm", "bidirectional"])
def test_computes_the_same_from_the_same_variables(name: str) -> None:
    from besom.rnn.engines.fast_clone import twin_of

    model = model_of(name, dropout=0.5)
    twin = twin_of(model)
    assert [*map(id, twin.trainable_variables)] == [*map(id, model.trainable_variables)]
    np.testing.assert_allclose(twin(tokens()), model(tokens()), rtol=1e-5)
    model.set_weights([weight * 2 for weight in model.get_weights()])
    np.testing.assert_allclose(twin(tokens()), model(tokens()), rtol=1e-5)


def test_only_the_twin_has_the_fast_layer() -> None:
    import keras

    from besom.rnn.engines.fast_clone import twin_of
    from besom.rnn.engines.fused_rnn import SimpleRNN

    model = model_of("simple_rnn")
    before = model.to_json()
    twin = twin_of(model)
    assert any(type(layer) is SimpleRNN for layer in twin.layers)
    assert type(model.get_layer("simple_rnn")) is keras.layers.SimpleRNN
    assert model.to_json() == before


def test_masks_reach_the_recurrent_layer() -> None:
    import keras

    from besom.rnn.engines.fast_clone import twin_of

    keras.utils.set_random_seed(1)
    inputs = keras.Input((7,), dtype="int32")
    x = keras.layers.Embedding(30, 5, mask_zero=True)(inputs)
    model = keras.Model(inputs, keras.layers.SimpleRNN(4)(x))
    padded = np.where(np.arange(7) < 4, tokens() % 29 + 1, 0)
    np.testing.assert_allclose(twin_of(model)(padded), model(padded), rtol=1e-5)


def test_the_gradient_of_the_table_stays_sparse() -> None:
    """Keras' Adam squares the gradient of every occurrence of a word, not their sum."""
    import tensorflow as tf

    from besom.rnn.engines.fast_clone import twin_of

    twin = twin_of(model_of("simple_rnn"))
    table = twin.get_layer("embedding").embeddings.value
    with tf.GradientTape() as tape:
        praise = twin(tokens())
    gradient = tape.gradient(praise, table)
    assert isinstance(gradient, tf.IndexedSlices)
    assert len(gradient.indices) == tokens().size
