"""Functions for ``model.build`` in tests: valid and invalid networks of a user."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers


@keras.saving.register_keras_serializable(package="besom_tests")
class Shifted(layers.Layer):  # type: ignore[misc]  # Keras has no types
    """Adds a number, which Keras saves with the model."""

    def __init__(self, by: float, **others: Any) -> None:
        super().__init__(**others)
        self.by = by

    def call(self, x: Any) -> Any:
        return x + self.by


class Unregistered(Shifted):
    """Can be saved, but not loaded."""


def _over(*middle: Any, mask: bool = False) -> Any:
    """Return a build function for a network with these layers between embedding and output."""

    def build(config: Any, vocab_size: int, n_classes: int) -> keras.Model:
        tokens = keras.Input((config.data.max_length,), dtype="int32")
        x = layers.Embedding(vocab_size, config.model.get("width", 4), mask_zero=mask)(tokens)
        for make in (*middle, lambda: output(n_classes)):
            x = make()(x)
        return keras.Model(tokens, x)

    return build


def output(n_classes: int, **settings: Any) -> layers.Layer:
    if n_classes == 2:
        return layers.Dense(1, activation="sigmoid", **settings)
    return layers.Dense(n_classes, activation="softmax", **settings)


mean = layers.GlobalAveragePooling1D
plain = _over(mean)
shifted = _over(mean, lambda: Shifted(0.5))
unregistered = _over(mean, lambda: Unregistered(0.5))
by_lambda = _over(mean, lambda: layers.Lambda(lambda x: 2 * x))
several = _over(
    lambda: layers.GRU(3, dropout=0.5, return_sequences=True),
    layers.LayerNormalization,
    mean,
    lambda: layers.Dropout(0.5),
    mask=True,
)

batch_norm = _over(mean, layers.BatchNormalization)
regularized = _over(mean, lambda: layers.Dense(3, kernel_regularizer="l2"))
active = _over(mean, lambda: layers.Dense(3, activity_regularizer="l2"))
mixing = _over(mean, lambda: layers.Lambda(lambda x: x - keras.ops.mean(x, axis=0)))
stateful = _over(mean, lambda: layers.SpectralNormalization(layers.Dense(3)))
hashed = _over(
    mean,
    lambda: layers.Dense(1),
    lambda: layers.Hashing(3),
    lambda: layers.Embedding(3, 2),
    lambda: layers.Flatten(),
)


def _closed_over(number: Callable[[Any], float]) -> Any:
    """Return a build function for a network with a number that Keras does not save."""

    def build(config: Any, vocab_size: int, n_classes: int) -> keras.Model:
        by = number(config)

        @keras.saving.register_keras_serializable(package="besom_tests")
        class Closed(layers.Layer):  # type: ignore[misc]
            def call(self, x: Any) -> Any:
                return x * by

        return _over(mean, Closed)(config, vocab_size, n_classes)

    return build


closed_over = _closed_over(lambda config: config.model.by)
closed_over_training = _closed_over(lambda config: config.training.scale)
closed_over_own_key = _closed_over(lambda config: config.mine.scale)
closed_over_chance = _closed_over(lambda config: float(np.random.normal(scale=90)))


def sequential(config: Any, vocab_size: int, n_classes: int) -> keras.Model:
    return keras.Sequential([layers.Embedding(vocab_size, 3), mean(), output(n_classes)])


def of_any_length(config: Any, vocab_size: int, n_classes: int) -> keras.Model:
    """Accepts any length and is compiled, as in Keras' own examples."""
    tokens = keras.Input((None,), dtype="int64")
    x = mean()(layers.Embedding(vocab_size, 3)(tokens))
    model = keras.Model(tokens, output(n_classes)(x))
    model.compile("adam", "mse")
    return model


class Subclassed(keras.Model):  # type: ignore[misc]
    def __init__(self, vocab_size: int, n_classes: int) -> None:
        super().__init__()
        self.table, self.pool = layers.Embedding(vocab_size, 3), mean()
        self.end = output(n_classes)

    def call(self, tokens: Any) -> Any:
        return self.end(self.pool(self.table(tokens)))

    def get_config(self) -> dict[str, Any]:
        return {"vocab_size": self.table.input_dim, "n_classes": 2}


def subclassed(config: Any, vocab_size: int, n_classes: int) -> keras.Model:
    return Subclassed(vocab_size, n_classes)


def few_rows(config: Any, vocab_size: int, n_classes: int) -> keras.Model:
    return plain(config, config.model.rows, n_classes)


def few_rows_inside(config: Any, vocab_size: int, n_classes: int) -> keras.Model:
    return Subclassed(config.model.rows, n_classes)


def _changed(change: Callable[[Any], Any]) -> Any:
    """Return a build function for a network that looks up ``change(tokens)`` in its table."""

    def build(config: Any, vocab_size: int, n_classes: int) -> keras.Model:
        tokens = keras.Input((config.data.max_length,), dtype="int32")
        x = layers.Embedding(config.model.rows, 3, mask_zero=True, name="table")(change(tokens))
        return keras.Model(tokens, output(n_classes)(mean()(x)))

    return build


few_buckets = _changed(lambda tokens: tokens % 5)
few_positions = _changed(lambda tokens: keras.ops.cumsum(keras.ops.ones_like(tokens), axis=1))


def misspelled(config: Any, vocab_size: int, n_classes: int) -> keras.Model:
    return plain(config, config.model.raws, n_classes)


def nothing(config: Any, vocab_size: int, n_classes: int) -> None:
    """Returns no model."""


def a_layer(config: Any, vocab_size: int, n_classes: int) -> Any:
    return layers.Dense(1)


def of_floats(config: Any, vocab_size: int, n_classes: int) -> keras.Model:
    numbers = keras.Input((config.data.max_length,))
    return keras.Model(numbers, output(n_classes)(numbers))


def too_short(config: Any, vocab_size: int, n_classes: int) -> keras.Model:
    tokens = keras.Input((3,), dtype="int32")
    return keras.Model(tokens, output(n_classes)(layers.Flatten()(layers.Embedding(9, 2)(tokens))))


def two_inputs(config: Any, vocab_size: int, n_classes: int) -> keras.Model:
    tokens = [keras.Input((config.data.max_length,), dtype="int32") for _ in range(2)]
    x = layers.Embedding(vocab_size, 2)(tokens[0]) + layers.Embedding(vocab_size, 2)(tokens[1])
    return keras.Model(tokens, output(n_classes)(mean()(x)))


def too_wide(config: Any, vocab_size: int, n_classes: int) -> keras.Model:
    return plain(config, vocab_size, n_classes + 1)


def two_outputs(config: Any, vocab_size: int, n_classes: int) -> keras.Model:
    made = plain(config, vocab_size, n_classes)
    return keras.Model(made.inputs, [made.output, made.output + 1])


def of_logits(config: Any, vocab_size: int, n_classes: int) -> keras.Model:
    made = _over(mean, lambda: layers.Dense(4))(config, vocab_size, n_classes)
    return keras.Model(made.inputs, layers.Dense(1)(made.layers[-2].output))


class Unsaved(layers.Layer):  # type: ignore[misc]
    def __init__(self, by: object) -> None:
        super().__init__()
        self.by = by

    def call(self, x: Any) -> Any:
        return x


def unsaved(config: Any, vocab_size: int, n_classes: int) -> keras.Model:
    return _over(mean, lambda: Unsaved(object()))(config, vocab_size, n_classes)


def of_config(config: Any) -> None:
    """Takes too few arguments."""


def raising(config: Any, vocab_size: int, n_classes: int) -> None:
    raise ZeroDivisionError("of the user's own")
