"""The task that Besom sweeps over: trains one network on texts, and scores it.

Importing this module is cheap; TensorFlow comes in when a training starts.
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

log = logging.getLogger(__name__)


def check(config: DictConfig, level: int = logging.WARNING) -> None:
    """Refuse a configuration that cannot be trained: by its keys and values, then by its data."""
    check_config(config)
    check_data(config, level)


def check_data(config: DictConfig, level: int = logging.WARNING) -> None:
    """Refuse a configuration that its data cannot train. Reads them once, needs no TensorFlow.

    Args:
        level: at which is logged what the data make remarkable.

    Raises:
        ConfigError: the data leave nothing to train or to validate on.
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
    """Refuse a network of the user's own that cannot be trained, by building it; takes seconds.

    Raises:
        ConfigError: see :func:`besom.rnn.models.own.build_own`.
    """
    if config.model.get("build") is not None:
        n_classes = open_corpus(config.data, config.training.validation_split).n_classes
        check_build(config, n_classes)


def describe(config: DictConfig) -> str:
    """Of the user's own texts: how many of them, and which classes, were found."""
    if kind_of(config.data) != "text_files":
        return ""
    split = config.training.validation_split
    return describe_corpus(open_corpus(config.data, split), split)


def identity(config: DictConfig) -> Mapping[str, str]:
    """What the result depends on beside the configuration: the data's content."""
    return {"data": open_corpus(config.data, config.training.validation_split).identity}


def steps(config: DictConfig) -> int:
    """How many epochs a configuration trains at most."""
    return int(config.training.epochs)


def prepare() -> None:
    """Import what a training needs: TensorFlow, Keras and the engines, which takes seconds."""
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
    """Load, build, fit, evaluate, save; the metrics of the weights that are kept, and what the
    model costs."""
    check(config, logging.INFO)  # the command that trains has checked it before, and said it
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
"""What has been remarked in this process."""


def _note(about: str, remark: str, level: int) -> None:
    """Made once of each thing that it may be about."""
    if about not in _noted:
        _noted.add(about)
        log.log(level, "%s", wrapped(remark, sys.stderr))


def _note_vocabulary(vocab_size: int, corpus: Corpus, level: int) -> None:
    """A remark, not an error: a sweep may well reach beyond the data, at several of its values.
    The default, which is for large data, is not worth a line."""
    if vocab_size > corpus.vocab_size:
        _note(
            f"vocabulary of {corpus.digest}",
            f"`data.vocab_size={vocab_size}` is above the {corpus.vocab_size} that the data holds; "
            "the rest stays unused",
            level if _is_asked_for("data.vocab_size") else logging.DEBUG,
        )


def _is_asked_for(key: str) -> bool:
    """Whether the command, or the sweep, names it; true where that is not known."""
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
            "data.name": corpus.name,
            "data.digest": corpus.digest,
            "engine": engine.name,
            "threads": str(environment.threads()),
        }
    )


def _fit(
    model: "keras.Model", engine: Engine, data: Dataset, config: DictConfig
) -> dict[str, float]:
    """Train to the end, and report each epoch. The metrics of the weights that are kept."""
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
                checkpoint.keep(epoch)  # before the answer to the report may end the training
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
    """In the job's folder, where the next attempt at the same trial looks for it."""
    wanted = config.training.get("checkpoint")  # a Besom of before recorded no such key
    if not wanted or not HydraConfig.initialized():
        return None
    facts = [data.corpus.identity, environment.numerics(), __version__, *_training_facts(config)]
    identity = json.dumps(facts, default=str)
    folder = Path(HydraConfig.get().runtime.output_dir)
    return Checkpoint(folder / NAME, identity, engine.variables, stopping)


def _training_facts(config: DictConfig) -> Iterator[object]:
    """What a training depends on, beside its data: keys of the configuration, less those that
    say where things are, and of a model of the user's own all of them, and its source."""
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
    """The first test reviews: text (empty without a word index), its class, the answer and that
    one's probability."""
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
