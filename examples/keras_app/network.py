"""The network, compiled."""

import keras
from omegaconf import DictConfig


def build(config: DictConfig) -> keras.Model:
    """One convolution, dropout, and a probability for each of the ten digits."""
    keras.utils.clear_session()  # the process may have trained other networks before
    keras.utils.set_random_seed(config.seed)
    network = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(config.filters, 3, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dropout(config.dropout),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    optimizer = keras.optimizers.Adam(config.learning_rate)
    network.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return network
