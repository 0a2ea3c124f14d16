"""``training.engine=xla``: a whole epoch as one compiled program.

Stock ``Model.fit`` starts a program for every batch, and TensorFlow an operation for every time
step; at these sizes that costs several times what the arithmetic does.
"""

import json
from collections.abc import Callable, Iterator

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from besom.rnn.data import Split
from besom.rnn.program import Program
from besom.rnn.score import Score

SCORED_AT_ONCE = 1000
"""Reviews in one call of the scoring program; it divides IMDb's 5,000 and 25,000."""

Traced = Callable[..., tf.Tensor]


class XlaEngine:
    """An :class:`besom.rnn.engines.Engine` for any Keras model with ``build_model``'s ends."""

    def __init__(
        self,
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        train: Split,
        batch_size: int,
    ) -> None:
        optimizer.build(model.trainable_variables)
        size = len(train)
        self._reviews = (tf.constant(train.tokens), tf.constant(train.labels, tf.float32))
        self._size = size
        self._epoch = Program(
            _epoch_identity(model, optimizer, batch_size, size),
            lambda: _epoch_program(model, optimizer, batch_size, size),
        )
        self._score = Program(f"score {model.to_json()}", lambda: _score_program(model))

    def train(self, order: NDArray[np.int32]) -> Score:
        """See :class:`besom.rnn.engines.Engine`."""
        loss, right = self._epoch(*self._reviews, tf.constant(order)).numpy() / self._size
        return Score(float(loss), float(right))

    def evaluate(self, split: Split) -> Score:
        """See :class:`besom.rnn.engines.Engine`."""
        sums = sum(self._score(*part).numpy().astype(float) for part in _parts(split))
        loss, right = sums / len(split)
        return Score(float(loss), float(right))


def _epoch_identity(
    model: keras.Model, optimizer: keras.optimizers.Optimizer, batch_size: int, size: int
) -> str:
    """All that an epoch's program depends on. The learning rate is a variable, not part of them."""
    settings = optimizer.get_config()
    del settings["learning_rate"]
    return json.dumps(["epoch", model.to_json(), settings, batch_size, size])


def _judge(
    model: keras.Model, tokens: tf.Tensor, labels: tf.Tensor, *, training: bool
) -> tuple[tf.Tensor, tf.Tensor]:
    """Loss of each review, and 1.0 where the answer is right: float32 [n] both."""
    praise = model(tokens, training=training)
    right = tf.equal(praise[:, 0] > 0.5, labels > 0.5)
    losses = keras.losses.binary_crossentropy(labels[:, None], praise)
    return losses, tf.cast(right, tf.float32)


def _epoch_program(
    model: keras.Model, optimizer: keras.optimizers.Optimizer, batch_size: int, size: int
) -> Traced:
    """tokens, labels, order -> sum of losses and number of right answers, float32 [2].

    The reviews are arguments because TensorFlow would make small captured ones constants of the
    program.
    """
    variables = model.trainable_variables

    def learn(tokens: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            losses, right = _judge(model, tokens, labels, training=True)
            loss = tf.reduce_mean(losses)
        gradients = tape.gradient(loss, [variable.value for variable in variables])
        optimizer.apply(gradients, variables)
        return tf.stack([tf.reduce_sum(losses), tf.reduce_sum(right)])

    def epoch(tokens: tf.Tensor, labels: tf.Tensor, order: tf.Tensor) -> tf.Tensor:
        def batch(rows: tf.Tensor) -> tf.Tensor:
            return learn(tf.gather(tokens, rows), tf.gather(labels, rows))

        rest = size % batch_size
        whole = tf.reshape(order[: size - rest], [-1, batch_size])
        sums = tf.foldl(lambda sums, rows: sums + batch(rows), whole, tf.zeros(2))
        return sums + batch(order[size - rest :]) if rest else sums

    return _traced(
        epoch,
        tf.TensorSpec([size, *model.input_shape[1:]], tf.int32),
        tf.TensorSpec([size], tf.float32),
        tf.TensorSpec([size], tf.int32),
    )


def _score_program(model: keras.Model) -> Traced:
    """tokens, labels, weights -> weighted sum of losses and of right answers, float32 [2]."""

    def score(tokens: tf.Tensor, labels: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        judged = tf.stack(_judge(model, tokens, labels, training=False))
        return tf.linalg.matvec(judged, weights)

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
    """Reviews in parts of one size, the last filled up with empty ones of weight 0."""
    for start in range(0, len(split), SCORED_AT_ONCE):
        tokens = split.tokens[start : start + SCORED_AT_ONCE]
        labels = split.labels[start : start + SCORED_AT_ONCE]
        fill = (0, SCORED_AT_ONCE - len(labels))
        yield (
            tf.constant(np.pad(tokens, (fill, (0, 0)))),
            tf.constant(np.pad(labels, fill), tf.float32),
            tf.constant(np.pad(np.ones(len(labels)), fill), tf.float32),
        )
