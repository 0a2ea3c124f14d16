"""The configurations that all sides of the sweep and the search train, and files to pass them."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from omegaconf import OmegaConf


@dataclass(frozen=True)
class Configuration:
    """A configuration of the reference workload; the defaults are the baseline."""

    vocab_size: int = 10_000
    max_length: int = 100
    embedding_dim: int = 32
    units: int = 32
    batch_size: int = 128
    epochs: int = 10
    learning_rate: float = 0.001
    dropout: float = 0.0


KEYS = {
    "vocab_size": "data.vocab_size",
    "max_length": "data.max_length",
    "embedding_dim": "model.embedding_dim",
    "units": "model.units",
    "batch_size": "training.batch_size",
    "epochs": "training.epochs",
    "learning_rate": "training.learning_rate",
    "dropout": "model.dropout",
}
"""The key of each axis in Besom's configuration."""

BASELINE = Configuration()
TWELVE = (
    BASELINE,
    *(replace(BASELINE, vocab_size=size) for size in (5_000, 20_000)),
    *(replace(BASELINE, max_length=length) for length in (50, 150)),
    *(replace(BASELINE, embedding_dim=dim) for dim in (16, 64)),
    *(replace(BASELINE, units=units) for units in (16, 64)),
    *(replace(BASELINE, batch_size=size) for size in (64, 256)),
    Configuration(vocab_size=5_000, max_length=150, embedding_dim=64, units=64, batch_size=256),
)
"""The baseline, one step down and up on each axis, and a corner."""


def write(configurations: Sequence[Configuration], file: Path) -> None:
    """Write a list for a peer to train, one after the other."""
    file.write_text(json.dumps([asdict(configuration) for configuration in configurations]))


def read(file: Path) -> list[Configuration]:
    """Return the list that :func:`write` wrote."""
    return [Configuration(**values) for values in json.loads(file.read_text())]


def write_group(configurations: Sequence[Configuration], folder: Path) -> list[str]:
    """Write the list as a Hydra config group; return the names of its options."""
    folder.mkdir(parents=True)
    names = [f"p{number:02}" for number in range(len(configurations))]
    for name, configuration in zip(names, configurations, strict=True):
        option = OmegaConf.create()
        for axis, value in asdict(configuration).items():
            OmegaConf.update(option, KEYS[axis], value)
        text = f"# @package _global_\n{OmegaConf.to_yaml(option)}"
        (folder / f"{name}.yaml").write_text(text)
    return names
