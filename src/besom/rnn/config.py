"""Defines the schema of the configuration: the types; the values are in ``conf/*.yaml``.

Hydra checks types and misspelled keys against these schemas. :mod:`besom.rnn.check` checks what
Hydra cannot.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, DictConfig, OmegaConf


@dataclass
class Data:
    """The data set, and the sizes to which its texts are cut."""

    name: str = MISSING
    vocab_size: int = MISSING
    max_length: int = MISSING
    path: str | None = MISSING


@dataclass
class SyntheticData(Data):
    """Synthetic reviews; ``label_noise`` is the share of wrong labels."""

    train_reviews: int = MISSING
    test_reviews: int = MISSING
    label_noise: float = MISSING


@dataclass
class TextFilesData(Data):
    """The user's own texts, in a table on disk.

    ``text`` and ``label`` name its columns. ``name`` is the file's name, ``kind`` the kind of data
    set. Without ``test_path``, ``test_split`` is the share of the rows in the test part; ``seed``
    decides which rows these are, and the order of the others.
    """

    kind: str = MISSING
    test_path: str | None = MISSING
    text: str = MISSING
    label: str = MISSING
    test_split: float = MISSING
    seed: int = MISSING


@dataclass
class Model:
    """The keys of every network: the ``name`` of one of ``MODELS``, or in its place a function of
    the user's own, ``build: my_package.models:build``, which may have more keys."""

    name: str | None = None
    build: str | None = None


@dataclass
class RecurrentModel(Model):
    """Embedding, one recurrent layer, dropout, an output for the classes.

    ``pooling`` combines the states of all words; ``last``, or null, takes only the last state.
    """

    name: str = MISSING
    embedding_dim: int = MISSING
    units: int = MISSING
    dropout: float = MISSING
    embedding_dropout: float | None = None
    pooling: str | None = None


@dataclass
class ConvolutionModel(Model):
    """Embedding, ``filters`` of each width in ``kernel_sizes``, maxima over time, dropout."""

    name: str = MISSING
    embedding_dim: int = MISSING
    filters: int = MISSING
    kernel_sizes: list[int] = MISSING
    dropout: float = MISSING
    embedding_dropout: float | None = None


@dataclass
class FastTextModel(Model):
    """The mean of the embeddings of words and n-grams; the n-grams share ``buckets`` rows."""

    name: str = MISSING
    embedding_dim: int = MISSING
    ngrams: int = MISSING
    buckets: int = MISSING
    dropout: float = MISSING
    embedding_dropout: float | None = None


@dataclass
class Training:
    """The training's settings; ``patience`` counts epochs without a better val_accuracy.

    Keys with a default, here and in the networks, are missing in records of earlier versions.
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
    weight_decay: float | None = None
    global_clipnorm: float | None = None
    learning_rate_schedule: str | None = None
    warmup: float | None = None


@dataclass
class Tracking:
    """The address of the record; without ``uri`` it is a SQLite file below ``root``."""

    root: str = MISSING
    uri: str | None = MISSING
    experiment: str = MISSING


@dataclass
class Train:
    """The whole configuration of a training run; ``conf/GROUP/*.yaml`` have a group's values."""

    data: Data = field(default_factory=Data)
    model: dict[str, Any] = field(default_factory=dict)
    training: Training = field(default_factory=Training)
    tracking: Tracking = field(default_factory=Tracking)
    evaluate_test: bool = MISSING
    seed: int = MISSING


GROUPS = {"data": Data, "model": Model, "training": Training, "tracking": Tracking}
"""The schema of each config group. Those of ``data`` and ``model`` hold only the common keys:
:data:`DATA` and :data:`MODEL_SCHEMAS` have the rest."""

DATA = {"imdb": Data, "synthetic": SyntheticData, "text_files": TextFilesData}
"""The schema of each kind of data set."""

MODEL_SCHEMAS = {
    "recurrent": RecurrentModel,
    "convolution": ConvolutionModel,
    "fasttext": FastTextModel,
}
"""The schemas that ``conf/model/*.yaml`` extend."""


def open_schema(kind: type[Model]) -> DictConfig:
    """Return a schema of ``model`` that accepts other keys, since those of ``model.build`` are
    unknown to Besom. Without ``model.build``, :mod:`besom.rnn.check` refuses them."""
    schema: DictConfig = OmegaConf.structured(kind)
    OmegaConf.set_struct(schema, False)
    return schema


def kind_of(data: Any) -> str:
    """Return the kind of data set of a configuration's ``data``: its ``kind``, or its ``name``
    where it has no ``kind``."""
    return str(getattr(data, "kind", data.name))


def name_of_file(*, _parent_: DictConfig) -> str:
    """Resolve ``${besom.name_of_file:}``: the name, without endings, of the ``path`` beside it."""
    path = None if OmegaConf.is_missing(_parent_, "path") else _parent_.path
    return stem(path) if path else "text_files"


def stem(path: str) -> str:
    """Return a file's name without its endings: ``reviews`` for ``data/reviews.csv.gz``."""
    name = Path(path).name
    plain = name[: -len(".gz")] if name.lower().endswith(".gz") else name
    return Path(plain).stem


def register() -> None:
    """Register the schemas with Hydra; call this before ``hydra.main`` or ``compose``."""
    store = ConfigStore.instance()
    train: DictConfig = OmegaConf.structured(Train)
    OmegaConf.set_struct(train.model, False)
    store.store(group="schema", name="train", node=train, provider="besom")
    for name in ("synthetic", "text_files"):
        store.store(group="schema", name=name, node=DATA[name], provider="besom")
    for name, kind in MODEL_SCHEMAS.items():
        store.store(group="schema", name=name, node=open_schema(kind), provider="besom")
    OmegaConf.register_new_resolver("besom.name_of_file", name_of_file, replace=True)
