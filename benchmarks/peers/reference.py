"""The reference workload in stock Keras, which every peer trains."""

import os
from collections.abc import Sequence
from functools import lru_cache

import keras
import numpy as np
from keras.preprocessing.sequence import pad_sequences

from benchmarks.configurations import Configuration

Examples = tuple[np.ndarray, np.ndarray]


@lru_cache(maxsize=1)
def read_training_split() -> tuple[list[list[int]], np.ndarray]:
    """Return the training reviews and labels as ``keras.datasets.imdb.load_data()`` does.

    ``load_data`` itself accepts only a file with the hash of Keras' own. This reads the training
    split only, half of what ``load_data`` reads, and once for all trials.
    """
    with np.load(os.environ["BESOM_IMDB_PATH"], allow_pickle=True) as file:
        reviews, labels = file["x_train"], file["y_train"]
    order = np.arange(len(reviews))
    np.random.RandomState(113).shuffle(order)
    return [[1, *(rank + 3 for rank in review)] for review in reviews[order]], labels[order]


def training_examples(vocab_size: int, max_length: int) -> Examples:
    """Return tokens, int32 [reviews, max_length], and labels, as ``load_data(num_words=…)`` and
    ``pad_sequences`` do."""
    reviews, labels = read_training_split()
    known = [[token if token < vocab_size else 2 for token in review] for review in reviews]
    return pad_sequences(known, maxlen=max_length), labels


def build(configuration: Configuration) -> keras.Model:
    """Return the reference network, compiled; clear Keras' session first."""
    keras.backend.clear_session()
    model = keras.Sequential(
        [
            keras.layers.Embedding(configuration.vocab_size, configuration.embedding_dim),
            keras.layers.SimpleRNN(configuration.units),
            *([keras.layers.Dropout(configuration.dropout)] if configuration.dropout else []),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    optimizer = keras.optimizers.Adam(configuration.learning_rate)
    model.compile(optimizer, "binary_crossentropy", metrics=["accuracy"])
    return model


def fit(
    model: keras.Model,
    configuration: Configuration,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    **epochs: int,
) -> list[float]:
    """Train; return the validation accuracy of each epoch.

    No seed is set, so the reviews are shuffled for every epoch; Besom's side does the same with
    ``training.shuffle=every_epoch`` (docs/decisions/007).

    Args:
        epochs: ``epochs`` and ``initial_epoch``, instead of the configuration's epochs.
    """
    tokens, labels = training_examples(configuration.vocab_size, configuration.max_length)
    history = model.fit(
        tokens,
        labels,
        batch_size=configuration.batch_size,
        validation_split=0.2,
        callbacks=list(callbacks),
        verbose=0,
        **({"epochs": configuration.epochs} | epochs),
    )
    accuracies: list[float] = history.history["val_accuracy"]
    return accuracies
