"""KerasTuner with the reference network: a grid search over the numbers of the configurations.

python -m benchmarks.peers.keras_tuner_search CONFIGURATIONS.json RESULTS.jsonl
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

import keras
import keras_tuner

from benchmarks import configurations, trials
from benchmarks.configurations import Configuration
from benchmarks.peers import reference


class Listed(keras_tuner.HyperModel):
    """Builds and fits the configuration whose number the tuner proposes."""

    def __init__(self, listed: list[Configuration], results: Path) -> None:
        super().__init__()
        self._listed = listed
        self._results = results

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        return reference.build(self._chosen(hp))

    def fit(self, hp: keras_tuner.HyperParameters, model: keras.Model, **arguments: Any) -> float:
        """Train; return the objective. ``arguments`` has the callbacks that save the best model."""
        accuracies = reference.fit(model, self._chosen(hp), arguments["callbacks"])
        trials.note(accuracies, self._results)
        return max(accuracies)

    def _chosen(self, hp: keras_tuner.HyperParameters) -> Configuration:
        number: int = hp.Choice("configuration", list(range(len(self._listed))))
        return self._listed[number]


def main(listed: Path, results: Path) -> None:
    """Train the listed configurations; the tuner's own files go to a temporary folder."""
    model = Listed(configurations.read(listed), results)
    with tempfile.TemporaryDirectory() as folder:
        tuner = keras_tuner.GridSearch(model, objective="val_accuracy", directory=folder)
        tuner.search(verbose=0)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
