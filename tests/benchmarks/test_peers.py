"""The peers train what Besom trains: the same reviews, the same network."""

import os
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import configurations, trials
from benchmarks.configurations import BASELINE
from besom.rnn import environment
from besom.rnn.config import Data
from besom.rnn.data import load

pytestmark = pytest.mark.slow  # only the benchmarks depend on it

TINY = replace(BASELINE, vocab_size=30, max_length=8, embedding_dim=2, units=2, epochs=2)


@pytest.fixture
def reviews(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Provide 60 reviews, in the layout of Keras' imdb.npz, as the IMDb data; return the file."""
    draw = random.Random(0)
    arrays = {}
    for split in ("train", "test"):
        lists = [[draw.randint(1, 40) for _ in range(draw.randint(1, 20))] for _ in range(60)]
        arrays[f"x_{split}"] = np.array([*lists, None], dtype=object)[:-1]
        arrays[f"y_{split}"] = np.array([draw.randint(0, 1) for _ in lists])
    file = tmp_path / "imdb.npz"
    np.savez(file, **arrays)
    monkeypatch.setenv("BESOM_IMDB_PATH", str(file))
    monkeypatch.setenv("BESOM_CACHE", str(tmp_path / "cache"))
    return file


def test_peers_read_the_reviews_that_besom_reads(reviews: Path) -> None:
    environment.prepare()  # silences TensorFlow's import
    from benchmarks.peers import reference

    reference.read_training_split.cache_clear()
    tokens, labels = reference.training_examples(TINY.vocab_size, TINY.max_length)
    config = Data(
        name="imdb", vocab_size=TINY.vocab_size, max_length=TINY.max_length, path=str(reviews)
    )
    ours = load(config, validation_split=0.2, with_test=False)
    both = (ours.train, ours.validation)
    np.testing.assert_array_equal(np.concatenate([split.tokens for split in both]), tokens)
    np.testing.assert_array_equal(np.concatenate([split.labels for split in both]), labels)
    reference.read_training_split.cache_clear()


def test_peers_train_the_network_that_besom_trains(reviews: Path) -> None:
    environment.prepare()
    from benchmarks.peers import reference
    from besom.rnn.config import RecurrentModel
    from besom.rnn.engines.xla import XlaEngine
    from besom.rnn.models import build_model

    reference.read_training_split.cache_clear()
    config = Data("imdb", TINY.vocab_size, TINY.max_length, path=str(reviews))
    train = load(config, validation_split=0.2, with_test=False).train
    layers = RecurrentModel(
        name="simple_rnn", embedding_dim=TINY.embedding_dim, units=TINY.units, dropout=0.0
    )
    ours = build_model(layers, TINY.vocab_size, TINY.max_length, 2)
    peer = reference.build(TINY)
    peer.build((None, TINY.max_length))
    peer.set_weights(ours.get_weights())
    engine = XlaEngine(ours, type(peer.optimizer)(TINY.learning_rate), train, 16)
    epoch = engine.train(np.arange(len(train), dtype=np.int32))
    found = peer.fit(train.tokens, train.labels, batch_size=16, shuffle=False, verbose=0)
    assert found.history["loss"][0] == pytest.approx(epoch.loss, abs=1e-4)
    for one, other in zip(peer.get_weights(), ours.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_the_loop_trains_what_is_listed_in_its_order(reviews: Path, tmp_path: Path) -> None:
    listed, results = tmp_path / "listed.json", tmp_path / "results.jsonl"
    configurations.write([TINY, replace(TINY, units=3)], listed)
    words = [sys.executable, "-m", "benchmarks.peers.optuna_loop", str(listed), str(results)]
    variables = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(words, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    ended = trials.read(results)
    assert len(ended) == 2 and all(0 <= trial.last <= trial.best <= 1 for trial in ended)
