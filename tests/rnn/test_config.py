"""Tests conf/ and its schemas: the baseline, and the values that are refused."""

from collections.abc import Iterator
from dataclasses import fields

import pytest
from hydra import compose, initialize_config_dir
from hydra.errors import ConfigCompositionException
from omegaconf import DictConfig, OmegaConf

from besom.app.config_paths import conf_folder
from besom.common.errors import ConfigError
from besom.rnn import config
from besom.rnn.check import check_config
from besom.rnn.check_training import check_sizes
from besom.rnn.config import RecurrentModel
from besom.rnn.data import DATA_SETS
from besom.rnn.models import MODELS


@pytest.fixture(autouse=True)
def hydra() -> Iterator[None]:
    config.register()
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        yield


def composed(*overrides: str) -> DictConfig:
    return compose("train", overrides=list(overrides))


def refusal(*overrides: str) -> str:
    with pytest.raises(ConfigError) as caught:
        check_config(composed(*overrides))
    return str(caught.value)


def test_the_baseline_is_the_reference_notebook() -> None:
    baseline = composed()
    check_config(baseline)
    assert OmegaConf.to_container(baseline) == {
        "data": {"name": "imdb", "vocab_size": 10000, "max_length": 100, "path": None},
        "model": {
            "name": "simple_rnn",
            "build": None,
            "embedding_dim": 32,
            "units": 32,
            "dropout": 0.0,
            "embedding_dropout": None,
            "pooling": None,
        },
        "training": {
            "batch_size": 128,
            "epochs": 10,
            "learning_rate": 0.001,
            "optimizer": "adam",
            "validation_split": 0.2,
            "engine": "xla",
            "shuffle": "once",
            "restore_best": False,
            "patience": None,
            "checkpoint": False,
            "class_weight": None,
            "weight_decay": None,
            "global_clipnorm": None,
            "learning_rate_schedule": None,
            "warmup": None,
        },
        "tracking": {"root": "mlruns", "uri": None, "experiment": "besom"},
        "evaluate_test": True,
        "seed": 1,
    }


@pytest.mark.parametrize("name", MODELS)
def test_every_model_is_a_group_option_with_the_keys_of_its_schema(name: str) -> None:
    chosen = composed(f"model={name}", "data=synthetic")
    check_config(chosen)
    assert chosen.model.name == name
    assert chosen.model.keys() == {item.name for item in fields(MODELS[name].schema)}
    if MODELS[name].schema is RecurrentModel:
        assert chosen.model == {**composed().model, "name": name}


def test_a_model_without_name_and_function_is_refused() -> None:
    nameless = composed("data=synthetic")
    nameless.model = {"filters": 8}
    with pytest.raises(ConfigError, match=r"neither a name nor a function.*gru.*model\.build="):
        check_config(nameless)


@pytest.mark.parametrize(
    ("overrides", "parts"),
    [
        (["model=convolution", "model.filters=0"], ["`model.filters=0` is below 1"]),
        (["model=convolution", "model.dropout=1"], ["`model.dropout=1.0` is outside"]),
        (["model=convolution", "model.kernel_sizes=[]"], ["`model.kernel_sizes=[]`"]),
        (["model=convolution", "model.kernel_sizes=[3,3]"], ["`model.kernel_sizes=[3, 3]`"]),
        (["model=convolution", "data.max_length=4"], ["[3, 4, 5]", "`data.max_length=4`"]),
        (["model=convolution", "+model.units=8"], ["no key `model.units`"]),
        (["model=fasttext", "model.ngrams=0"], ["`model.ngrams=0` is below 1"]),
        (["model=fasttext", "model.buckets=0"], ["`model.buckets=0` is below 1"]),
        (["model=fasttext", "model.ngrams=9", "data.max_length=8"], ["`model.ngrams=9` is above"]),
        (["model=fasttext", "++model.bucket=9"], ["did you mean `model.buckets`?"]),
        (["model.name=fasttext"], ["no `model.ngrams`", "give `model=fasttext` instead"]),
    ],
    ids=str,
)
def test_a_network_that_cannot_be_built_is_refused(overrides: list[str], parts: list[str]) -> None:
    message = refusal(*overrides)
    assert all(part in message for part in parts), message


@pytest.mark.parametrize("name", DATA_SETS)
def test_every_data_set_is_a_group_option(name: str) -> None:
    needed = ["data.path=there/film.reviews.CSV.gz"] if name == "text_files" else []
    chosen = composed(f"data={name}", *needed)
    check_config(chosen)
    assert config.kind_of(chosen.data) == name
    assert chosen.data.name == (name if not needed else "film.reviews")


@pytest.mark.parametrize(
    "override",
    [
        "data.vocab_size=3",
        "data.vocab_size=-5",
        "data.max_length=0",
        "data.name=reuters",
        "model.units=0",
        "model.embedding_dim=0",
        "model.dropout=1.0",
        "model.dropout=-0.1",
        "model.dropout=nan",
        "model.name=transformer",
        "training.batch_size=0",
        "training.epochs=0",
        "training.patience=0",
        "training.learning_rate=0",
        "training.learning_rate=-0.001",
        "training.learning_rate=inf",
        "training.learning_rate=nan",
        "training.validation_split=0",
        "training.validation_split=1",
        "training.validation_split=nan",
        "training.optimizer=adamw",
        "training.engine=torch",
        "training.shuffle=never",
        "training.class_weight=heavy",
        "model.embedding_dropout=1.0",
        "model.embedding_dropout=nan",
        "model.pooling=first",
        "training.weight_decay=-0.1",
        "training.weight_decay=1",
        "training.global_clipnorm=0",
        "training.global_clipnorm=inf",
        "training.learning_rate_schedule=cosin",
        "training.warmup=1",
        "training.warmup=-0.1",
        "seed=-1",
        "seed=4294967296",
    ],
)
def test_a_value_out_of_range_is_refused_by_name(override: str) -> None:
    key, _, value = override.partition("=")
    message = refusal(override)
    assert message.startswith(f"`{key}=")
    assert f"{key}={value}" in message or f"{key}={float(value)}" in message


@pytest.mark.parametrize(
    "override",
    [
        "data.train_reviews=0",
        "data.test_reviews=0",
        "data.label_noise=0.5",
        "data.label_noise=-0.1",
        "data.label_noise=nan",
        "data.train_reviews=100001",
        "data.max_length=2147483648",
    ],
)
def test_a_synthetic_corpus_that_cannot_be_made_is_refused(override: str) -> None:
    assert override.partition("=")[0] in refusal("data=synthetic", override)


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("data.text=label", "`data.text=label` and `data.label=label` name one column"),
        ("data.label=text", "`data.text=text` and `data.label=text` name one column"),
        ("data.test_split=0", "`data.test_split=0.0` is outside (0, 1)"),
        ("data.test_split=1", "`data.test_split=1.0` is outside (0, 1)"),
        ("data.seed=-1", "`data.seed=-1` is outside 0.."),
        ("data.path=null", "`data.path=null` with data=text_files"),
        ("data.kind=text_file", "`data.kind=text_file` is unknown; did you mean `text_files`?"),
        ("+data.labels=x", "no key `data.labels`; did you mean `data.label`?"),
    ],
)
def test_text_files_that_cannot_be_read_are_refused(override: str, said: str) -> None:
    assert said in refusal("data=text_files", "data.path=reviews.csv", override)


def test_a_test_file_needs_no_share_of_the_rows() -> None:
    words = ["data.path=a.csv", "data.test_path=b.csv", "data.test_split=0"]
    check_config(composed("data=text_files", *words))


def test_before_its_file_is_known_a_data_set_has_its_kinds_name() -> None:
    assert composed("data=text_files").data.name == "text_files"


@pytest.mark.parametrize(
    "override",
    [
        "data.vocab_size=4",
        "data.max_length=1",
        "model.dropout=0.99",
        "model.embedding_dropout=0",
        "training.patience=1",
        "training.weight_decay=0",
        "training.warmup=0",
        "training.validation_split=0.999",
        "seed=4294967295",
    ],
)
def test_the_limits_themselves_are_accepted(override: str) -> None:
    check_config(composed(override))


def test_an_unknown_name_comes_with_what_there_is() -> None:
    assert "did you mean `adam`?" in refusal("training.optimizer=adamw")
    assert "keras, xla" in refusal("training.engine=torch")


@pytest.mark.parametrize(
    ("added", "key", "meant"),
    [
        ("+model.unit=8", "model.unit", "model.units"),
        ("model.unit=8", "model.unit", "model.units"),
        ("++model.unit=8", "model.unit", "model.units"),
        ("++training.batchsize=8", "training.batchsize", "training.batch_size"),
        ("++data.train_reviews=8", "data.train_reviews", ""),
        ("+sede=8", "sede", "seed"),
        ("+extra.deep.key=8", "extra.deep.key", ""),
    ],
)
def test_a_key_outside_the_schema_is_refused(added: str, key: str, meant: str) -> None:
    message = refusal(added)
    assert message.startswith(f"no key `{key}`")
    assert meant in message


def test_the_name_of_a_data_set_over_another_ones_keys_is_refused() -> None:
    assert "data=synthetic" in refusal("data.name=synthetic")
    assert "data.train_reviews" in refusal("data=synthetic", "data.name=imdb")


@pytest.mark.parametrize(
    "override", ["model.units=many", "training.epoch=8", "training.epochs=1.5"]
)
def test_hydra_itself_refuses_wrong_types_and_misspelled_keys(override: str) -> None:
    with pytest.raises(ConfigCompositionException):
        composed(override)


def test_sizes_must_leave_texts_on_both_sides_of_the_split() -> None:
    training = composed("training.batch_size=128").training
    check_sizes(training, texts=160, train_texts=128)
    with pytest.raises(ConfigError, match=r"batch_size=128` is above the 127 texts"):
        check_sizes(training, texts=160, train_texts=127)
    with pytest.raises(ConfigError, match=r"validation_split=0.2` leaves none of 160"):
        check_sizes(training, texts=160, train_texts=160)


def test_job_folders_are_below_the_root() -> None:
    job = compose("train", overrides=["tracking.root=elsewhere"], return_hydra_config=True).hydra
    raw = OmegaConf.to_container(job, resolve=False)
    assert isinstance(raw, dict)
    assert raw["run"]["dir"].startswith("${tracking.root}/jobs/train/")
    assert raw["sweep"]["dir"].startswith("${tracking.root}/jobs/multirun/")
    assert job.run.dir.startswith("elsewhere/jobs/train/")
