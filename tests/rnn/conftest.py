"""Fixtures for the workload's tests: small data, no downloads."""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from besom.app.config_paths import conf_folder
from besom.rnn import config
from besom.rnn.data.corpus import INDEX_FROM, START, UNKNOWN
from tests import warm

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


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the tester's own data: Keras' folder is empty."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.delenv("BESOM_IMDB_PATH", raising=False)


@pytest.fixture
def tensorflow() -> None:
    """Import TensorFlow as Besom does."""
    from besom.rnn import environment

    environment.prepare()


def start(
    script: str,
    *arguments: str,
    cache: Path,
    folder: Path = Path(__file__).parents[2],
    **variables: str,
) -> warm.Process:
    """Start ``python -c SCRIPT`` with this cache; TensorFlow is imported, but not initialized."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("TF_")]:
            patch.delenv(name)
        for name, value in {"BESOM_CACHE": str(cache), **variables}.items():
            patch.setenv(name, value)
        return warm.Process(["-c", script, *arguments], folder, modules="tensorflow")


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
    """Return a function from overrides to a configuration that trains in a moment."""
    return lambda *overrides: compose("train", overrides=[*SYNTHETIC, *SMALL, *overrides])


@pytest.fixture
def small_imdb(hydra: None, imdb_file: Path) -> DictConfig:
    """Return a small configuration with a file like Keras' imdb.npz."""
    return compose("train", overrides=[*SMALL, f"data.path='{imdb_file}'"])


def encode(text: str, index: Mapping[str, int]) -> list[int]:
    """Return the tokens of a text: a start token, then one for each lower-case word."""
    ranks = (index.get(word) for word in re.findall(r"[\w']+", text.lower()))
    return [START, *(UNKNOWN if rank is None else rank + INDEX_FROM for rank in ranks)]


def objects(reviews: list[list[int]]) -> np.ndarray:
    """Pack reviews as Keras does, in one object array of lists."""
    packed = np.empty(len(reviews), object)
    packed[:] = reviews
    return packed


def reviews_of(count: int, seed: int) -> list[list[int]]:
    random = np.random.default_rng(seed)
    return [random.integers(1, 60, random.integers(1, 15)).tolist() for _ in range(count)]


@pytest.fixture
def imdb_file(tmp_path: Path) -> Path:
    """Write a file with the layout of Keras' imdb.npz: 100 training and 20 test reviews."""
    path = tmp_path / "data" / "imdb.npz"
    path.parent.mkdir()
    np.savez(
        path,
        x_train=objects(reviews_of(100, seed=1)),
        y_train=np.arange(100) % 2,
        x_test=objects(reviews_of(20, seed=2)),
        y_test=np.arange(20) % 2,
    )
    return path


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Pretend that a Hydra job is running; return its folder."""
    place = {"output_dir": str(tmp_path), "cwd": str(tmp_path)}
    running = OmegaConf.create({"runtime": place, "overrides": {"task": []}, "sweeper": {}})
    monkeypatch.setattr(HydraConfig, "initialized", lambda: True)
    monkeypatch.setattr(HydraConfig, "get", lambda: running)
    return tmp_path
