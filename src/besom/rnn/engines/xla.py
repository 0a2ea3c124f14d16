"""Implements ``training.engine=xla``: a whole epoch as one compiled program.

Stock ``Model.fit`` starts a program for every batch, and TensorFlow an operation for every time
step. With small models this takes several times as long as the arithmetic.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import cache
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from besom.rnn.data import Split
from besom.rnn.engines import adam, fast_clone
from besom.rnn.engines.base import ClassWeights, Score, macro_f1
from besom.rnn.engines.compiled import Program
from besom.rnn.engines.optimizer import variables_of

SCORED_AT_ONCE = 1000
"""The number of reviews in one call of the scoring program. It divides IMDb's 5,000 and 25,000."""

Traced = Callable[..., tf.Tensor]


class XlaEngine:
    """An :class:`besom.rnn.engines.base.Engine` for the models of ``build_model``, and for those in
    which :func:`besom.rnn.engines.suited.unsuited` finds nothing. It does not add the losses of
    layers, and the rows that fill up the last batch would enter batch statistics.

    Args:
        made_of: tells the model apart from models with the same saved configuration, whose programs
            would otherwise be confused.
    """

    name = "xla"

    def __init__(
        self,
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        train: Split,
        batch_size: int,
        class_weights: ClassWeights | None = None,
        made_of: str = "",
    ) -> None:
        optimizer.build(model.trainable_variables)
        fast = fast_clone.fast_clone_of(model)
        size = len(train)
        self.variables = [*model.variables, *optimizer.variables]
        self._reviews = (tf.constant(train.tokens), tf.constant(train.labels, tf.float32))
        self._size = size
        settings, weights = _settings(optimizer), _listed(class_weights)
        # A network of the user's own may depend on more than its identity.
        used = None if made_of else [*model.variables, *variables_of(optimizer)]
        self._epoch = Program(
            _identity("epoch", model, made_of, settings, batch_size, size, weights),
            lambda: _epoch_program(fast, optimizer, batch_size, size, class_weights),
            used,
        )
        self._score = Program(
            _identity("score", model, made_of), lambda: _score_program(fast), used
        )

    def train(self, order: NDArray[np.int32]) -> Score:
        """See :class:`besom.rnn.engines.base.Engine`."""
        loss, right = self._epoch(*self._reviews, tf.constant(order)).numpy() / self._size
        return Score(float(loss), float(right))

    def evaluate(self, split: Split) -> Score:
        """See :class:`besom.rnn.engines.base.Engine`."""
        sums = sum(self._score(*part).numpy().astype(float) for part in _parts(split))
        loss, right = sums[:2] / len(split)
        counts = sums[2:].reshape(3, -1)
        return Score(float(loss), float(right), macro_f1(*counts) if counts.size else None)


def _identity(kind: str, model: keras.Model, made_of: str, *others: object) -> str:
    """Return everything that a program depends on."""
    numbers = (adam.PERIOD, SCORED_AT_ONCE, keras.config.epsilon())
    return json.dumps([kind, _code(), numbers, model.to_json(), made_of, *others])


def _listed(class_weights: ClassWeights | None) -> list[float] | None:
    return None if class_weights is None else class_weights.tolist()


def _settings(optimizer: keras.optimizers.Optimizer) -> dict[str, object]:
    """Return the settings that are compiled in: all but the learning rate, which is a variable."""
    settings: dict[str, object] = optimizer.get_config()
    rate = settings.pop("learning_rate")
    settings["class"] = f"{type(optimizer).__module__}.{type(optimizer).__qualname__}"
    return settings | ({"schedule": rate} if isinstance(rate, dict) else {})


@cache
def _code() -> str:
    """Return a digest of the code that makes the programs: all files of this room. So
    programs of other versions are not reused."""
    sources = (file.read_bytes() for file in sorted(Path(__file__).parent.glob("*.py")))
    return f"keras {keras.__version__} {hashlib.sha256(b''.join(sources)).hexdigest()}"


def _judge(
    model: keras.Model, tokens: tf.Tensor, labels: tf.Tensor, *, training: bool
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Return the loss of each review, and 1.0 where the answer is right, both float32 [n]; then the
    answer, float32 [n, n_classes], 1.0 for its class, without columns for two classes.
    """
    found = model(tokens, training=training)
    n_outputs = found.shape[-1]
    if n_outputs == 1:
        right = tf.equal(found[:, 0] > 0.5, labels > 0.5)
        losses = keras.losses.binary_crossentropy(labels[:, None], found)
        return losses, tf.cast(right, tf.float32), tf.zeros_like(found[:, :0])
    answers = tf.argmax(found, axis=1, output_type=tf.int32)
    right = tf.equal(answers, tf.cast(labels, tf.int32))
    losses = keras.losses.sparse_categorical_crossentropy(labels, found)
    return losses, tf.cast(right, tf.float32), tf.one_hot(answers, n_outputs)


def _epoch_program(
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    batch_size: int,
    size: int,
    class_weights: ClassWeights | None,
) -> Traced:
    """Trace: tokens, labels, order -> sum of losses and number of right answers, float32 [2].

    The reviews are arguments since TensorFlow would make constants of small captured ones. A
    smaller last batch is filled up with reviews of weight 0: a second graph for its size would
    double the time of tracing and compiling.
    """
    variables = model.trainable_variables
    fill = -size % batch_size

    def learn(tokens: tf.Tensor, labels: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            losses, right, _ = _judge(model, tokens, labels, training=True)
            if class_weights is not None:
                losses *= tf.gather(class_weights, tf.cast(labels, tf.int32))
            loss = tf.reduce_sum(losses * weights) / tf.reduce_sum(weights)
        gradients = tape.gradient(loss, [variable.value for variable in variables])
        optimizer.apply(gradients, variables)
        return tf.linalg.matvec(tf.stack([losses, right]), weights)

    def batches(values: tf.Tensor) -> tf.Tensor:
        return tf.reshape(tf.pad(values, [[0, fill]]), [-1, batch_size])

    def epoch(tokens: tf.Tensor, labels: tf.Tensor, order: tf.Tensor) -> tf.Tensor:
        rows, weights = batches(order), batches(tf.ones(size))
        n_batches = rows.shape[0]

        def add(at: tf.Tensor, sums: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            some = rows[at]
            batch = (tf.gather(tokens, some), tf.gather(labels, some), weights[at])
            return at + 1, sums + learn(*batch)

        def add_some(at: tf.Tensor, sums: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            end = tf.minimum(at + adam.PERIOD, n_batches)
            with optimizer.period() if isinstance(optimizer, adam.Adam) else nullcontext():
                return tf.while_loop(lambda at, _: at < end, add, (at, sums))

        start = (tf.constant(0), tf.zeros(2))
        return tf.while_loop(lambda at, _: at < n_batches, add_some, start)[1]

    return _traced(
        epoch,
        tf.TensorSpec([size, *model.input_shape[1:]], tf.int32),
        tf.TensorSpec([size], tf.float32),
        tf.TensorSpec([size], tf.int32),
    )


def _score_program(model: keras.Model) -> Traced:
    """Trace: tokens, labels, weights -> weighted sum of losses and of right answers, float32 [2].

    For more than two classes, three counts for each class follow: its right answers, all its
    answers, and its reviews. float32 [2 + 3 n_classes].
    """

    def score(tokens: tf.Tensor, labels: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        losses, right, answers = _judge(model, tokens, labels, training=False)
        sums = tf.linalg.matvec(tf.stack([losses, right]), weights)
        n_classes = answers.shape[-1]
        if not n_classes:
            return sums
        actual = tf.one_hot(tf.cast(labels, tf.int32), n_classes)
        counts = [
            tf.linalg.matvec(which, weights, transpose_a=True)
            for which in (answers * actual, answers, actual)
        ]
        return tf.concat([sums, *counts], axis=0)

    return _traced(
        score,
        tf.TensorSpec([SCORED_AT_ONCE, *model.input_shape[1:]], tf.int32),
        tf.TensorSpec([SCORED_AT_ONCE], tf.float32),
        tf.TensorSpec([SCORED_AT_ONCE], tf.float32),
    )


def _traced(function: Traced, *arguments: tf.TensorSpec) -> Traced:
    compiled = tf.function(function, jit_compile=True, autograph=False)
    traced: Traced = compiled.get_concrete_function(*arguments)
    return traced


def _parts(split: Split) -> Iterator[tuple[tf.Tensor, tf.Tensor, tf.Tensor]]:
    """Yield the reviews in parts of one size, the last filled up with empty ones of weight 0."""
    for start in range(0, len(split), SCORED_AT_ONCE):
        tokens = split.tokens[start : start + SCORED_AT_ONCE]
        labels = split.labels[start : start + SCORED_AT_ONCE]
        fill = (0, SCORED_AT_ONCE - len(labels))
        yield (
            tf.constant(np.pad(tokens, (fill, (0, 0)))),
            tf.constant(np.pad(labels, fill), tf.float32),
            tf.constant(np.pad(np.ones(len(labels)), fill), tf.float32),
        )
