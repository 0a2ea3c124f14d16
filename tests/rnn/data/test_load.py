"""Tests the three splits of a trial's data."""

from collections.abc import Callable

import numpy as np
from omegaconf import DictConfig

from besom.rnn.data import load, open_corpus, view


def test_validation_is_the_tail_of_the_training_reviews(small: Callable[..., DictConfig]) -> None:
    data = small().data
    loaded = load(data, 0.25, with_test=True)
    whole = view(open_corpus(data, 0.2).train, 50, 8)
    assert (len(loaded.train), len(loaded.validation)) == (75, 25)
    both = np.concatenate([loaded.train.tokens, loaded.validation.tokens])
    np.testing.assert_array_equal(both, whole.tokens)
    assert loaded.test is not None and loaded.test.tokens.shape == (20, 8)


def test_the_test_split_is_left_alone_unless_asked_for(small: Callable[..., DictConfig]) -> None:
    assert load(small().data, 0.2, with_test=False).test is None


def test_data_is_read_by_name(small: Callable[..., DictConfig], small_imdb: DictConfig) -> None:
    assert open_corpus(small().data, 0.2).name == "synthetic"
    assert open_corpus(small_imdb.data, 0.2).name == "imdb"
