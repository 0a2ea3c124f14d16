"""The networks' shapes and seeds."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from besom.rnn.models import MODELS

pytestmark = pytest.mark.usefixtures("tensorflow")


def sizes(name: str = "simple_rnn", dropout: float = 0.0) -> Any:
    of_others = {"filters": 2, "kernel_sizes": [1, 3], "ngrams": 3, "buckets": 7}
    return SimpleNamespace(name=name, embedding_dim=3, units=5, dropout=dropout, **of_others)


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

    reference: Any = SimpleNamespace(name="simple_rnn", embedding_dim=32, units=32, dropout=0.0)
    assert build_model(reference, 10000, 100, 2).count_params() == 10000 * 32 + 32 * 65 + 33


def test_dropout_is_a_layer_only_when_asked_for() -> None:
    from besom.rnn.models import build_model

    names = [layer.name for layer in build_model(sizes(dropout=0.5), 20, 6, 2).layers]
    assert names == ["tokens", "embedding", "simple_rnn", "dropout", "probability"]
    assert len(build_model(sizes(), 20, 6, 2).layers) == 4


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
