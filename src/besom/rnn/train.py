"""The workload's task: trains one network on texts, and scores it.

Importing this module is cheap; TensorFlow is imported when a training starts.
"""

import json
import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from besom import __version__, session
from besom.app.hooks import Hooks, hooked
from besom.app.source import source_of
from besom.common.flatten import flatten
from besom.common.terminal.sentences import wrapped
from besom.rnn import environment
from besom.rnn.check import check_config
from besom.rnn.check_training import check_sizes
from besom.rnn.checkpoint import NAME, Checkpoint
from besom.rnn.config import kind_of
from besom.rnn.data import Corpus, Dataset, load, open_corpus, training_size
from besom.rnn.data import describe as describe_corpus
from besom.rnn.data.corpus import decode
from besom.rnn.engines.base import Engine, import_engines, make_engine
from besom.rnn.fit import EarlyStopping, Epoch, fit, make_order
from besom.rnn.models import make_model, reset
from besom.rnn.models.build_check import check_build
from besom.rnn.models.costs import costs
from besom.rnn.models.own import made_of
from besom.rnn.packaging import pack_model
from besom.rnn.text_classifier import class_probabilities

if TYPE_CHECKING:
    import keras

PREDICTIONS = 5
DATA_NAME, DATA_DIGEST, ENGINE, THREADS = "data.name", "data.digest", "engine", "threads"
"""The tags that a training logs about itself."""

log = logging.getLogger(__name__)


def check(config: DictConfig, level: int = logging.WARNING) -> None:
    """Refuse a configuration that cannot be trained; check keys and values first, then its data."""
    check_config(config)
    check_data(config, level)


def check_data(config: DictConfig, level: int = logging.WARNING) -> None:
    """Refuse a configuration that does not fit its data. Reads them once; needs no TensorFlow.

    Args:
        level: the level at which remarks on the data are logged.

    Raises:
        ConfigError: no texts are left to train or to validate on.
        DataError: the data set is missing or damaged.
    """
    corpus = open_corpus(config.data, config.training.validation_split)
    reviews = len(corpus.train)
    train_reviews = training_size(reviews, config.training.validation_split)
    check_sizes(config.training, reviews, train_reviews)
    _note_vocabulary(config.data.vocab_size, corpus, level)
    for remark in corpus.remarks:
        _note(remark, f"{corpus.name}: {remark}", level)


def check_baseline(config: DictConfig) -> None:
    """Build a network of the user's own, and refuse one that cannot be trained. Takes seconds.

    Raises:
        ConfigError: see :func:`besom.rnn.models.own.build_own`.
    """
    if config.model.get("build") is not None:
        n_classes = open_corpus(config.data, config.training.validation_split).n_classes
        check_build(config, n_classes)


def describe(config: DictConfig) -> str:
    """Return the number of texts and the classes found, for the user's own texts; else nothing."""
    if kind_of(config.data) != "text_files":
        return ""
    split = config.training.validation_split
    return describe_corpus(open_corpus(config.data, split), split)


def identity(config: DictConfig) -> Mapping[str, str]:
    """Return what the result depends on beside the configuration: the data's content."""
    return {"data": open_corpus(config.data, config.training.validation_split).identity}


def steps(config: DictConfig) -> int:
    """Return the most epochs that a configuration trains."""
    return int(config.training.epochs)


def prepare() -> None:
    """Import TensorFlow, Keras and the engines, which takes seconds."""
    environment.prepare()
    import_engines()


HOOKS = Hooks(
    check=check_config,
    check_data=check_data,
    check_baseline=check_baseline,
    describe=describe,
    identity=identity,
    places=("tracking", "data.path", "data.test_path", "training.checkpoint"),
    steps=steps,
    step="epoch",
    probe=("training.epochs=2",),
    prepare=prepare,
    packaging=pack_model,
)


@hooked(HOOKS)
def train(config: DictConfig) -> dict[str, float]:
    """Train one model: load, build, fit, evaluate, save. Return the metrics of the kept weights
    and the model's costs."""
    check(config, logging.INFO)  # the command has checked it before, and shown the remarks
    environment.prepare()
    data = load(config.data, config.training.validation_split, with_test=config.evaluate_test)
    reset(config.seed)
    n_classes = data.corpus.n_classes
    model = make_model(config, n_classes)
    engine = make_engine(model, config.training, data.train, n_classes, made_of(config))
    _describe(data.corpus, engine)
    metrics = _fit(model, engine, data, config)
    if data.test is not None:
        score = engine.evaluate(data.test)
        metrics |= {f"test_{name}": value for name, value in score.metrics.items()}
    if session.is_recorded():
        _save(model, data)
    is_own = made_of(config) is not None
    return metrics | costs(model, data.validation.tokens, is_own=is_own)


_noted = set[str]()
"""The subjects of remarks already logged in this process."""


def _note(about: str, remark: str, level: int) -> None:
    """Log a remark, once for each subject ``about``."""
    if about not in _noted:
        _noted.add(about)
        log.log(level, "%s", wrapped(remark, sys.stderr))


def _note_vocabulary(vocab_size: int, corpus: Corpus, level: int) -> None:
    """Remark that ``data.vocab_size`` exceeds the data. It is no error: a sweep may do so at some
    values. The default value, which suits large data, is only logged for debugging."""
    if vocab_size > corpus.vocab_size:
        _note(
            f"vocabulary of {corpus.digest}",
            f"`data.vocab_size={vocab_size}` is above the {corpus.vocab_size} that the data holds; "
            "the rest stays unused",
            level if _is_asked_for("data.vocab_size") else logging.DEBUG,
        )


def _is_asked_for(key: str) -> bool:
    """Return whether the command or the sweep sets a key; true where that is unknown."""
    if not HydraConfig.initialized():
        return True
    hydra = HydraConfig.get()
    given = [word.lstrip("+").partition("=")[0] for word in hydra.overrides.task]
    return key in (*given, *(hydra.sweeper.get("params") or ()))


def _describe(corpus: Corpus, engine: Engine) -> None:
    n_rows = len(corpus.train) + len(corpus.test)
    session.log_dataset(corpus.name, corpus.digest, corpus.source, n_rows)
    session.log(
        {
            DATA_NAME: corpus.name,
            DATA_DIGEST: corpus.digest,
            ENGINE: engine.name,
            THREADS: str(environment.threads()),
        }
    )


def _fit(
    model: "keras.Model", engine: Engine, data: Dataset, config: DictConfig
) -> dict[str, float]:
    """Train to the end and report each epoch; return the metrics of the weights that are kept."""
    training = config.training
    stopping = EarlyStopping(model, restore=training.restore_best, patience=training.patience)
    session.expect(training.epochs)
    order = make_order(training.shuffle, config.seed, len(data.train))
    with _checkpoint(engine, stopping, data, config) or nullcontext() as checkpoint:
        done = checkpoint.restore() if checkpoint else []
        for epoch in done:
            _report(epoch)
        epochs = training.epochs if stopping.goes_on else 0
        for epoch in fit(engine, order, data.validation, epochs, len(done)):
            goes_on = stopping.see(epoch)
            if checkpoint:
                checkpoint.keep(epoch)  # first, since the report may end the training
            _report(epoch)
            if not goes_on:
                break
    return stopping.kept().metrics


def _report(epoch: Epoch) -> None:
    shown = ", ".join(f"{name} {value:.4f}" for name, value in epoch.metrics.items())
    log.info("epoch %d: %s, %.2f s", epoch.number, shown, epoch.seconds)
    session.report(epoch.number, **epoch.metrics)


def _checkpoint(
    engine: Engine, stopping: EarlyStopping, data: Dataset, config: DictConfig
) -> Checkpoint | None:
    """Return the checkpoint, if asked for. The trial's next attempt has the same job folder."""
    wanted = config.training.get("checkpoint")  # records of earlier versions lack the key
    if not wanted or not HydraConfig.initialized():
        return None
    facts = [data.corpus.identity, environment.numerics(), __version__, *_training_facts(config)]
    identity = json.dumps(facts, default=str)
    folder = Path(HydraConfig.get().runtime.output_dir)
    return Checkpoint(folder / NAME, identity, engine.variables, stopping)


def _training_facts(config: DictConfig) -> Iterator[object]:
    """Yield what a training depends on beside its data: the keys of the groups that matter, without
    those that name places. For a model of the user's own: keys of all groups, and its source."""
    build = config.model.get("build")
    parts = tuple(map(str, config)) if build else ("data", "model", "training", "seed")
    places = tuple(f"{place}." for place in (*HOOKS.places, "data.name"))
    for key, value in flatten(config).items():
        if key.partition(".")[0] in parts and not f"{key}.".startswith(places):
            yield key, value
    if build:
        yield source_of(train, frozenset([build])).text


def _save(model: "keras.Model", data: Dataset) -> None:
    session.save_model(model)
    if data.test is not None:
        session.table("predictions", _predictions(model, data))


def _predictions(model: "keras.Model", data: Dataset) -> list[dict[str, float | str]]:
    """Return the first test reviews: text (empty without a word index), class, predicted class and
    its probability."""
    assert data.test is not None
    index, classes = data.corpus.word_index(), data.corpus.classes
    tokens, labels = data.test.tokens[:PREDICTIONS], data.test.labels[:PREDICTIONS]
    found = class_probabilities(model(tokens, training=False).numpy())
    return [
        {
            "text": decode(review, index) if index else "",
            "label": classes[label],
            "predicted": classes[probabilities.argmax()],
            "probability": float(probabilities.max()),
        }
        for review, label, probabilities in zip(tokens, labels, found, strict=True)
    ]
