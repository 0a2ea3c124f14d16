"""What can be configured: types here, values in ``conf/*.yaml``.

Hydra checks types and misspelled keys against these schemas; :mod:`besom.rnn.check` refuses what
passes Hydra all the same.
"""

from dataclasses import dataclass, field

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING


@dataclass
class Data:
    """Which reviews, and how they are cut to size."""

    name: str = MISSING
    vocab_size: int = MISSING
    max_length: int = MISSING
    path: str | None = MISSING


@dataclass
class SyntheticData(Data):
    """Reviews out of the generator; ``label_noise`` is the share of labels that are wrong."""

    train_reviews: int = MISSING
    test_reviews: int = MISSING
    label_noise: float = MISSING


@dataclass
class Model:
    """The network: embedding, one recurrent layer, dropout, an output for the classes."""

    name: str = MISSING
    embedding_dim: int = MISSING
    units: int = MISSING
    dropout: float = MISSING


@dataclass
class Training:
    """How the weights are found; ``patience`` counts epochs without a better val_accuracy.

    Records of an earlier Besom lack what has a default here.
    """

    batch_size: int = MISSING
    epochs: int = MISSING
    learning_rate: float = MISSING
    optimizer: str = MISSING
    validation_split: float = MISSING
    engine: str = MISSING
    shuffle: str = MISSING
    restore_best: bool = MISSING
    patience: int | None = MISSING
    checkpoint: bool = MISSING
    class_weight: str | None = None


@dataclass
class Tracking:
    """Where the record is kept; without ``uri``, in a SQLite file below ``root``."""

    root: str = MISSING
    uri: str | None = MISSING
    experiment: str = MISSING


@dataclass
class Train:
    """One training run, whole. Below each name: what ``conf/NAME/*.yaml`` fills in."""

    data: Data = field(default_factory=Data)
    model: Model = field(default_factory=Model)
    training: Training = field(default_factory=Training)
    tracking: Tracking = field(default_factory=Tracking)
    evaluate_test: bool = MISSING
    seed: int = MISSING


GROUPS = {"data": SyntheticData, "model": Model, "training": Training, "tracking": Tracking}
"""Of ``data`` the schema with the most keys."""


def register() -> None:
    """Make the schemas known to Hydra; call it before ``hydra.main`` or ``compose``."""
    store = ConfigStore.instance()
    store.store(group="schema", name="train", node=Train, provider="besom")
    store.store(group="schema", name="synthetic", node=SyntheticData, provider="besom")
