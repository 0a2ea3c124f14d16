"""A search by KerasTuner's Hyperband in one process on both cores, repeated until the time ends.

python -m benchmarks.peers.search_hyperband SECONDS SEED EPOCHS RESULTS.jsonl
"""

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import keras
import keras_tuner

from benchmarks.configurations import Configuration
from benchmarks.peers import reference
from benchmarks.search import log

ITERATIONS = 1000
"""More iterations than there is time for."""


class Reference(keras_tuner.HyperModel):
    """The reference network and its data.

    Args:
        epochs: the epochs of the longest trials.
        until: when to end, on the clock of ``time.monotonic``.
    """

    def __init__(self, epochs: int, until: float, results: Path) -> None:
        super().__init__()
        self._epochs = epochs
        self._until = until
        self._results = results

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        return reference.build(self.configuration(hp))

    def fit(self, hp: keras_tuner.HyperParameters, model: keras.Model, **given: Any) -> float:
        """Train; return the objective. ``given`` has the callbacks and the epochs of the tuner."""
        if time.monotonic() >= self._until:
            sys.exit()
        configuration = self.configuration(hp)
        epochs = {key: given[key] for key in ("epochs", "initial_epoch") if key in given}
        value = max(reference.fit(model, configuration, given["callbacks"], **epochs))
        log.note(configuration, value, self._results)
        return value

    def configuration(self, hp: keras_tuner.HyperParameters) -> Configuration:
        """Return the configuration that the tuner proposes."""
        return Configuration(
            vocab_size=hp.Choice("vocab_size", [5000, 10000, 20000], default=10000),
            max_length=hp.Choice("max_length", [50, 100, 200], default=100),
            embedding_dim=hp.Choice("embedding_dim", [16, 32, 64], default=32),
            units=hp.Int("units", 8, 64, step=8, default=32),
            dropout=hp.Float("dropout", 0.0, 0.5, step=0.1, default=0.0),
            batch_size=hp.Choice("batch_size", [64, 128, 256], default=128),
            learning_rate=hp.Float("learning_rate", 1e-4, 1e-2, sampling="log", default=1e-3),
            epochs=self._epochs,
        )


def main(seconds: float, seed: int, epochs: int, results: Path) -> None:
    """Search for ``seconds``; the tuner's own files go to a temporary folder."""
    model = Reference(epochs, time.monotonic() + seconds, results)
    with tempfile.TemporaryDirectory() as folder:
        tuner = keras_tuner.Hyperband(
            model,
            objective=keras_tuner.Objective("val_accuracy", "max"),
            max_epochs=epochs,
            hyperband_iterations=ITERATIONS,
            seed=seed,
            directory=folder,
        )
        tuner.search(verbose=0)


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
