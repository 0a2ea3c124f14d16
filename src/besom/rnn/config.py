"""The schema of the configuration: types here, values in ``conf/*.yaml``.

Hydra checks types and misspelled keys against these schemas; :mod:`besom.rnn.check` refuses what
passes Hydra all the same.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, DictConfig, OmegaConf


@dataclass
class Data:
    """Which texts, and how they are cut to size."""

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
class TextFilesData(Data):
    """One's own texts in a table on disk.

    ``text`` and ``label`` name its columns. ``name`` is the file's, ``kind`` says what it is read
    as. ``test_split`` is the share of the rows that the test takes, where no ``test_path`` is
    given; ``seed`` decides which they are, and the order of the others.
    """

    kind: str = MISSING
    test_path: str | None = MISSING
    text: str = MISSING
    label: str = MISSING
    test_split: float = MISSING
    seed: int = MISSING


@dataclass
class Model:
    """What every network has: one of ``MODELS`` by its ``name``, or a function of the user's own,
    ``build: my_package.models:build``, which takes its place. That may have more keys."""

    name: str | None = None
    build: str | None = None


@dataclass
class RecurrentModel(Model):
    """Embedding, one recurrent layer, dropout, an output for the classes.

    ``pooling`` is over the states of all words; ``last``, or null, takes the last state alone.
    """

    name: str = MISSING
    embedding_dim: int = MISSING
    units: int = MISSING
    dropout: float = MISSING
    embedding_dropout: float | None = None
    pooling: str | None = None


@dataclass
class ConvolutionModel(Model):
    """Embedding, ``filters`` of each width in ``kernel_sizes``, their maxima over time, dropout."""

    name: str = MISSING
    embedding_dim: int = MISSING
    filters: int = MISSING
    kernel_sizes: list[int] = MISSING
    dropout: float = MISSING
    embedding_dropout: float | None = None


@dataclass
class FastTextModel(Model):
    """The mean of the embeddings of all words and n-grams; ``buckets`` rows for all n-grams."""

    name: str = MISSING
    embedding_dim: int = MISSING
    ngrams: int = MISSING
    buckets: int = MISSING
    dropout: float = MISSING
    embedding_dropout: float | None = None


@dataclass
class Training:
    """How the weights are found; ``patience`` counts epochs without a better val_accuracy.

    Records of an earlier Besom lack what has a default here, and in the networks.
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
    """Where the record is kept; without ``uri``, in a SQLite file below ``root``."""

    root: str = MISSING
    uri: str | None = MISSING
    experiment: str = MISSING


@dataclass
class Train:
    """One training run, whole. Below each name: what ``conf/NAME/*.yaml`` fills in."""

    data: Data = field(default_factory=Data)
    model: dict[str, Any] = field(default_factory=dict)
    training: Training = field(default_factory=Training)
    tracking: Tracking = field(default_factory=Tracking)
    evaluate_test: bool = MISSING
    seed: int = MISSING


GROUPS = {"data": Data, "model": Model, "training": Training, "tracking": Tracking}
"""Of ``data``, what all data sets have; :data:`DATA` has the whole of each. Of ``model``, what all
networks have."""

DATA = {"imdb": Data, "synthetic": SyntheticData, "text_files": TextFilesData}
"""The schema of each kind of data set."""

MODEL_SCHEMAS = {
    "recurrent": RecurrentModel,
    "convolution": ConvolutionModel,
    "fasttext": FastTextModel,
}
"""What ``conf/model/*.yaml`` begin with."""


def open_schema(kind: type[Model]) -> DictConfig:
    """A schema of ``model`` that lets other keys through: those of ``model.build`` are not known
    to Besom. Without it, :mod:`besom.rnn.check` refuses them."""
    schema: DictConfig = OmegaConf.structured(kind)
    OmegaConf.set_struct(schema, False)
    return schema


def kind_of(data: Any) -> str:
    """Which kind of data set a configuration's ``data`` is: its ``kind``, or, of what has none,
    its ``name``."""
    return str(getattr(data, "kind", data.name))


def name_of_file(*, _parent_: DictConfig) -> str:
    """What ``${besom.name_of_file:}`` stands for: the name, without endings, of the ``path``
    beside it."""
    path = None if OmegaConf.is_missing(_parent_, "path") else _parent_.path
    return stem(path) if path else "text_files"


def stem(path: str) -> str:
    """A file's name without its endings: ``reviews`` of ``data/reviews.csv.gz``."""
    name = Path(path).name
    plain = name[: -len(".gz")] if name.lower().endswith(".gz") else name
    return Path(plain).stem


def register() -> None:
    """Make the schemas known to Hydra; call it before ``hydra.main`` or ``compose``."""
    store = ConfigStore.instance()
    train: DictConfig = OmegaConf.structured(Train)
    OmegaConf.set_struct(train.model, False)
    store.store(group="schema", name="train", node=train, provider="besom")
    for name in ("synthetic", "text_files"):
        store.store(group="schema", name=name, node=DATA[name], provider="besom")
    for name, kind in MODEL_SCHEMAS.items():
        store.store(group="schema", name=name, node=open_schema(kind), provider="besom")
    OmegaConf.register_new_resolver("besom.name_of_file", name_of_file, replace=True)
