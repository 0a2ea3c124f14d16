"""Tests the networks: shapes, seeds, options, and what they compute."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from besom.rnn.models import MODELS

pytestmark = pytest.mark.usefixtures("tensorflow")


def sizes(
    name: str = "simple_rnn",
    dropout: float = 0.0,
    embedding_dropout: float | None = None,
    pooling: str | None = None,
) -> Any:
    of_others = {"filters": 2, "kernel_sizes": [1, 3], "ngrams": 3, "buckets": 7}
    return SimpleNamespace(
        name=name,
        embedding_dim=3,
        units=5,
        dropout=dropout,
        embedding_dropout=embedding_dropout,
        pooling=pooling,
        **of_others,
    )


@pytest.mark.parametrize("name", MODELS)
def test_tokens_go_in_and_a_probability_comes_out(name: str) -> None:
    from besom.rnn.models import build_model

    model = build_model(sizes(name), vocab_size=20, max_length=6, n_classes=2)
    assert model.input_shape == (None, 6)
    assert model.inputs[0].dtype == "int32"
    praise = model(np.arange(12).reshape(2, 6)).numpy()
    assert praise.shape == (2, 1) and praise.dtype == np.float32
    assert ((praise > 0) & (praise < 1)).all()


def test_of_many_classes_each_has_its_probability() -> None:
    from besom.rnn.models import build_model

    model = build_model(sizes(), vocab_size=20, max_length=6, n_classes=3)
    found = model(np.arange(12).reshape(2, 6)).numpy()
    assert found.shape == (2, 3)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-6)


def test_the_reference_has_as_many_weights_as_the_notebook() -> None:
    from besom.rnn.models import build_model

    reference = sizes()
    reference.embedding_dim = reference.units = 32
    assert build_model(reference, 10000, 100, 2).count_params() == 10000 * 32 + 32 * 65 + 33


def test_dropout_is_a_layer_only_when_asked_for() -> None:
    from besom.rnn.models import build_model

    names = [layer.name for layer in build_model(sizes(dropout=0.5), 20, 6, 2).layers]
    assert names == ["tokens", "embedding", "simple_rnn", "dropout", "probability"]
    assert len(build_model(sizes(), 20, 6, 2).layers) == 4


def weights_and(model: Any, tokens: Any) -> tuple[Any, Any]:
    """Return the states of a recurrent network with pooling, and its output layer's input."""
    import keras

    pooled = model.layers[-1].input
    states = next(layer for layer in model.layers if "rnn" in layer.name).output
    found = keras.Model(model.input, [states, pooled])(tokens)
    return found[0].numpy(), found[1].numpy()


@pytest.mark.parametrize("name", ["simple_rnn", "bidirectional_simple_rnn"])
def test_pooling_is_over_the_states_of_words(name: str) -> None:
    """Padding is at the front. A text of padding alone is pooled to 0 (mean) or -1 (max)."""
    from besom.rnn.models import build_model

    tokens = np.array([[0, 0, 3, 1, 4, 5], [7, 8, 9, 1, 2, 3], [0, 0, 0, 0, 0, 0]], np.int32)
    for pooling, pool, empty in (("mean", np.mean, 0.0), ("max", np.max, -1.0)):
        states, pooled = weights_and(build_model(sizes(name, pooling=pooling), 20, 6, 2), tokens)
        np.testing.assert_allclose(pooled[0], pool(states[0, 2:], axis=0), rtol=1e-5)
        np.testing.assert_allclose(pooled[1], pool(states[1], axis=0), rtol=1e-5)
        np.testing.assert_array_equal(pooled[2], np.full(pooled.shape[1], empty))


@pytest.mark.parametrize("name", ["simple_rnn", "convolution", "fasttext"])
def test_embedding_dropout_drops_words_whole_and_in_training_alone(name: str) -> None:
    import keras

    from besom.rnn.models import build_model, reset

    reset(1)
    model = build_model(sizes(name, embedding_dropout=0.5), 20, 6, 2)
    plain = build_model(sizes(name), 20, 6, 2)
    plain.set_weights(model.get_weights())
    tokens = np.arange(1, 13).reshape(2, 6)
    np.testing.assert_array_equal(model(tokens), plain(tokens))
    layer = next(one for one in model.layers if one.name.startswith("embedding_dropout"))
    dropped = (
        keras.Model(model.input, layer.output)(tokens, training=True).numpy().reshape(2, 6, -1)
    )
    before = keras.Model(model.input, layer.input)(tokens).numpy().reshape(2, 6, -1)
    is_kept = dropped.any(axis=2)
    assert 0 < is_kept.sum() < 12
    np.testing.assert_allclose(dropped[is_kept], 2 * before[is_kept], rtol=1e-6)


@pytest.mark.parametrize("pooling", ["last", "max", "mean"])
def test_a_network_with_all_its_options_loads_without_besom(
    pooling: str | None, tmp_path: Path
) -> None:
    import keras

    from besom.rnn.models import build_model

    model = build_model(sizes(embedding_dropout=0.5, pooling=pooling), 20, 6, 2)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    tokens = np.arange(12).reshape(2, 6)
    np.testing.assert_array_equal(loaded(tokens), model(tokens))


def test_a_seed_gives_the_same_weights_whatever_was_built_before() -> None:
    from besom.rnn.models import build_model, reset

    reset(3)
    first = build_model(sizes(), 20, 6, 2).get_weights()
    build_model(sizes("gru"), 20, 6, 2)
    reset(3)
    again = build_model(sizes(), 20, 6, 2).get_weights()
    reset(4)
    other = build_model(sizes(), 20, 6, 2).get_weights()
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert (first[0] != other[0]).any()


def test_fasttext_is_the_mean_of_all_words_and_ngrams_but_padding() -> None:
    from besom.rnn.models import build_model, reset
    from besom.rnn.models.fasttext import MULTIPLIER

    reset(1)
    model = build_model(sizes("fasttext"), vocab_size=2**20, max_length=5, n_classes=2)
    words, ngrams, kernel, bias = model.get_weights()
    large = 2**20 - 1  # its product with the multiplier is beyond int32
    texts = np.array([[0, 0, 9, large, 7], [3, 4, 5, 6, large], [0, 0, 0, 0, 8], [0] * 5], np.int32)
    for text, found in zip(texts, model(texts).numpy(), strict=True):
        parts = [words[token] for token in text if token]
        for n in (2, 3):
            for ngram in (text[start : start + n].tolist() for start in range(5 - n + 1)):
                row = ngram[0]
                for token in ngram[1:]:
                    row = (row * MULTIPLIER + token) % 7
                parts += [ngrams[row]] if all(ngram) else []
        mean = np.mean(parts, axis=0) if parts else np.zeros(3)
        np.testing.assert_allclose(found, 1 / (1 + np.exp(-(mean @ kernel + bias))), rtol=1e-5)


def test_words_alone_need_no_table_of_ngrams() -> None:
    from besom.rnn.models import build_model

    alone = sizes("fasttext")
    alone.ngrams = 1
    assert build_model(alone, 20, 6, 2).count_params() == 20 * 3 + 3 + 1


def test_a_convolution_of_one_width_is_the_maximum_of_its_filters_over_time() -> None:
    from besom.rnn.models import build_model, reset

    reset(1)
    single = sizes("convolution")
    single.kernel_sizes = [2]
    model = build_model(single, 20, 4, 2)
    table, kernel, bias, output, offset = model.get_weights()
    text = np.array([[0, 5, 6, 7]], np.int32)
    x = table[text[0]]
    convolved = [np.einsum("kd,kdf->f", x[at : at + 2], kernel) + bias for at in range(3)]
    features = np.maximum(np.max(convolved, axis=0), 0)
    expected = 1 / (1 + np.exp(-(features @ output + offset)))
    np.testing.assert_allclose(model(text)[0], expected, rtol=1e-5)
