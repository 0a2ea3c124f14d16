"""Checks what Hydra's types cannot check: keys added with ``+`` or ``++``, values out of range."""

from dataclasses import fields, is_dataclass
from typing import Any, cast

from omegaconf import MISSING, DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from besom.common.errors import ConfigError
from besom.common.flatten import flatten
from besom.common.suggest import did_you_mean, listed
from besom.rnn.check_training import check_training
from besom.rnn.config import (
    DATA,
    GROUPS,
    Data,
    SyntheticData,
    TextFilesData,
    Train,
    kind_of,
    open_schema,
)
from besom.rnn.data import DATA_SETS
from besom.rnn.models import MODELS, schema_of
from besom.rnn.models.own import check_own
from besom.rnn.models.recurrent import POOLINGS
from besom.rnn.refusals import LARGEST_SIZE, at_least_one, at_most, one_of

SMALLEST_VOCABULARY = 4
"""Tokens 0, 1 and 2 are padding, start and unknown word; Keras leaves 3 unused."""

LARGEST_SEED = 2**32 - 1
MOST_REVIEWS = 100_000
"""The most synthetic reviews of a split: they take ten seconds, in every process."""


def check_config(config: DictConfig) -> None:
    """Refuse keys and values that Hydra accepts but the workload cannot use.

    Raises:
        ConfigError: its message names the value, the limit and the remedy.
    """
    _check_groups(config)
    _check_kind(config.data)
    _check_network(config.model)
    _check_keys(config)
    _check_types(config)
    _check_data(config.data)
    _check_model(config.model, config.data.max_length)
    check_training(config.training)
    _check_seed("seed", config.seed)


def _check_groups(config: DictConfig) -> None:
    """Refuse a configuration whose defaults lack ``train``, which defines all keys."""
    for group in GROUPS:
        if not OmegaConf.is_dict(OmegaConf.select(config, group)):
            raise ConfigError(
                f"`{group}` holds no keys; begin the defaults list with `train`, and leave out "
                f"what overwrites {group}"
            )


def _check_types(config: DictConfig) -> None:
    """Refuse values of a wrong type, which are possible only in a configuration without schema."""
    for group, schema in _schemas(config).items():
        if not is_dataclass(OmegaConf.get_type(config, group)):
            node = OmegaConf.select(config, group)
            typed = open_schema(schema) if group == "model" else schema
            try:
                OmegaConf.merge(OmegaConf.structured(typed), node)
            except OmegaConfBaseException as error:
                reason = str(error).partition("\n")[0]
                raise ConfigError(f"`{group}.{error.key}`: {reason}") from error


def _check_keys(config: DictConfig) -> None:
    """Refuse a key outside the schema, which ``+key=`` and ``++key=`` can add."""
    schemas = _schemas(config)
    known = {f"{group}.{item.name}" for group, kind in schemas.items() for item in fields(kind)}
    known |= {item.name for item in fields(Train)} - GROUPS.keys()
    is_open = config.model.get("build") is not None
    for key in flatten(config):
        if key not in known and not (is_open and key.startswith("model.")):
            raise ConfigError(
                f"no key `{key}`; {did_you_mean(key, known, '--cfg job shows every key')}"
            )


def _schemas(config: DictConfig) -> dict[str, type[Any]]:
    """Return the schema of each group, for the chosen data set and network."""
    data = DATA.get(kind_of(config.data), Data)
    return GROUPS | {"data": data, "model": schema_of(config.model)}


def _check_kind(data: Data) -> None:
    """Refuse an unknown data set."""
    one_of("data.kind" if hasattr(data, "kind") else "data.name", kind_of(data), DATA_SETS)


def _check_network(model: Any) -> None:
    """Refuse an unknown network, and a network without its keys."""
    if model.get("build") is not None:
        return
    if model.get("name") is None:
        raise ConfigError(
            f"`model` has neither a name nor a function; give model.name, one of {listed(MODELS)}, "
            "or model.build=my_package.models:build"
        )
    one_of("model.name", model.name, MODELS)
    wanted = [item.name for item in fields(schema_of(model)) if item.default == MISSING]
    for key in (key for key in wanted if key not in model):
        raise ConfigError(
            f"`model.name={model.name}` has no `model.{key}`; give `model={model.name}` instead"
        )


def _check_data(data: Data) -> None:
    """Refuse sizes that leave no word or no step, and a data set's name without its keys."""
    kind = kind_of(data)
    if data.vocab_size < SMALLEST_VOCABULARY:
        raise ConfigError(
            f"`data.vocab_size={data.vocab_size}` is below {SMALLEST_VOCABULARY}, which padding, "
            f"start and unknown words take; give {SMALLEST_VOCABULARY} or more"
        )
    at_most("data.vocab_size", data.vocab_size, LARGEST_SIZE)
    at_least_one("data.max_length", data.max_length)
    if kind == "synthetic":
        if not hasattr(data, "train_reviews"):
            raise ConfigError("`data.name=synthetic` has no sizes; give `data=synthetic` instead")
        _check_synthetic(cast(SyntheticData, data))
    if kind == "text_files":
        if not hasattr(data, "label"):
            raise ConfigError("`data.name=text_files` has no columns; give `data=text_files`")
        _check_text_files(cast(TextFilesData, data))


def _check_text_files(data: TextFilesData) -> None:
    """Refuse a missing path, equal columns, and a split that leaves one part empty."""
    if data.path is None:
        raise ConfigError("`data.path=null` with data=text_files; give the file: data.path=…")
    if data.text == data.label:
        raise ConfigError(
            f"`data.text={data.text}` and `data.label={data.label}` name one column; give each its "
            "own"
        )
    if data.test_path is None and not 0 < data.test_split < 1:
        raise ConfigError(
            f"`data.test_split={data.test_split}` is outside (0, 1); give the share of the rows "
            "to test on, 0.2 say, or a file of its own with data.test_path"
        )
    _check_seed("data.seed", data.seed)


def _check_synthetic(data: SyntheticData) -> None:
    """Refuse an empty split and noise that leaves nothing to learn."""
    at_least_one("data.train_reviews", data.train_reviews)
    at_most("data.train_reviews", data.train_reviews, MOST_REVIEWS)
    at_least_one("data.test_reviews", data.test_reviews)
    at_most("data.test_reviews", data.test_reviews, MOST_REVIEWS)
    if data.path is not None:
        raise ConfigError(
            f"`data.path={data.path}` with data=synthetic, which reads no file; leave one of "
            "them out"
        )
    if not 0 <= data.label_noise < 0.5:
        raise ConfigError(
            f"`data.label_noise={data.label_noise}` is outside [0, 0.5); give the share of wrong "
            "labels, 0.05 say"
        )


def _check_model(model: Any, max_length: int) -> None:
    """Refuse layers without units, dropout that drops everything, and a missing function."""
    if model.get("build") is not None:
        check_own(model.build)
        return
    for key, value in model.items():
        if isinstance(value, int):
            at_least_one(f"model.{key}", value)
    if not 0 <= model.dropout < 1:
        raise ConfigError(
            f"`model.dropout={model.dropout}` is outside [0, 1); give the share of activations to "
            "drop, 0.2 say, or 0 for none"
        )
    dropped = model.get("embedding_dropout")
    if dropped is not None and not 0 <= dropped < 1:
        raise ConfigError(
            f"`model.embedding_dropout={dropped}` is outside [0, 1); give the share of words to "
            "drop, 0.2 say, or null for none"
        )
    if model.get("pooling") is not None:
        one_of("model.pooling", model.pooling, POOLINGS)
    _check_widths(model, max_length)


def _check_widths(model: Any, max_length: int) -> None:
    """Refuse a network that reads more words at once than a text has."""
    if model.name == "fasttext" and model.ngrams > max_length:
        raise ConfigError(
            f"`model.ngrams={model.ngrams}` is above `data.max_length={max_length}`; give less"
        )
    if model.name != "convolution":
        return
    sizes = [*model.kernel_sizes]
    if not sizes or len({*sizes}) < len(sizes) or not 1 <= min(sizes) <= max(sizes) <= max_length:
        raise ConfigError(
            f"`model.kernel_sizes={sizes}`: give different numbers of words, each from 1 to "
            f"`data.max_length={max_length}`"
        )


def _check_seed(name: str, seed: int) -> None:
    """Refuse a seed that NumPy's and Keras' generators do not accept."""
    if not isinstance(seed, int) or not 0 <= seed <= LARGEST_SEED:
        raise ConfigError(
            f"`{name}={seed}` is outside 0..{LARGEST_SEED}; give a whole number in it"
        )
