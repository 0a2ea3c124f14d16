"""For the workload's tests: caches of their own, no network, and small data."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

from besom import config
from besom.paths import conf_folder

REAL_IMDB = os.environ.get("BESOM_IMDB_PATH")

SYNTHETIC = ["data=synthetic", "data.train_reviews=100", "data.test_reviews=20"]
SMALL = [
    "data.vocab_size=50",
    "data.max_length=8",
    "model.embedding_dim=4",
    "model.units=4",
    "training.batch_size=32",
    "training.epochs=2",
]


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for the session: TensorFlow reads its place once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def alone(shared_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the tester's own caches nor their data; Keras' folder is empty."""
    monkeypatch.setenv("BESOM_CACHE", str(shared_cache))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.delenv("BESOM_IMDB_PATH", raising=False)


@pytest.fixture
def tensorflow() -> None:
    """TensorFlow is imported, as Besom does it."""
    from besom.rnn import environment

    environment.prepare()


@pytest.fixture
def real_imdb() -> Path:
    if not REAL_IMDB:
        pytest.skip("BESOM_IMDB_PATH does not name Keras' imdb.npz")
    return Path(REAL_IMDB)


@pytest.fixture
def hydra() -> Iterator[None]:
    config.register()
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        yield


@pytest.fixture
def small(hydra: None) -> Callable[..., DictConfig]:
    """A configuration whose training takes a moment, with overrides on top."""
    return lambda *overrides: compose("train", overrides=[*SYNTHETIC, *SMALL, *overrides])


@pytest.fixture
def small_imdb(hydra: None, imdb_file: Path) -> DictConfig:
    """The same on a file like Keras' imdb.npz."""
    sizes = [f"data.path='{imdb_file}'", "training.batch_size=8"]
    return compose("train", overrides=[*SMALL, *sizes])


def objects(reviews: list[list[int]]) -> np.ndarray:
    """Reviews as Keras packs them: one object array of lists."""
    packed = np.empty(len(reviews), object)
    packed[:] = reviews
    return packed


def reviews_of(count: int, seed: int) -> list[list[int]]:
    random = np.random.default_rng(seed)
    return [random.integers(1, 60, random.integers(1, 15)).tolist() for _ in range(count)]


@pytest.fixture
def imdb_file(tmp_path: Path) -> Path:
    """A file with the layout of Keras' imdb.npz: 30 reviews for training, 20 for the test."""
    path = tmp_path / "data" / "imdb.npz"
    path.parent.mkdir()
    np.savez(
        path,
        x_train=objects(reviews_of(30, seed=1)),
        y_train=np.arange(30) % 2,
        x_test=objects(reviews_of(20, seed=2)),
        y_test=np.arange(20) % 2,
    )
    return path
