"""A small network on handwritten digits, trained by a loop of epochs and batches.

`python main.py` trains once, `python main.py -m` sweeps as conf/config.yaml says.
"""

import logging

import hydra
import numpy as np
from omegaconf import DictConfig
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import besom

log = logging.getLogger(__name__)


@hydra.main(version_base=None, config_path="conf", config_name="config")
def main(config: DictConfig) -> dict[str, float]:
    """Train a network, report each epoch, return what is judged."""
    images, labels = load_digits(return_X_y=True)
    train_x, val_x, train_y, val_y = train_test_split(images / 16, labels, random_state=0)
    random = np.random.default_rng(config.seed)
    network = Network(random, config.units)

    besom.expect(config.epochs)
    for epoch in range(1, config.epochs + 1):
        order = random.permutation(len(train_x))
        for batch in np.array_split(order, len(order) // config.batch_size):
            network.step(train_x[batch], train_y[batch], config.learning_rate)
        metrics = network.evaluate(val_x, val_y)
        log.info("epoch %d: loss %.4f, accuracy %.4f", epoch, *metrics.values())
        besom.report(epoch, **metrics)  # raises besom.Pruned when the trial should stop
    return metrics


class Network:
    """One hidden layer of rectified units, and a probability for each of the ten digits."""

    def __init__(self, random: np.random.Generator, units: int) -> None:
        self.hidden = random.normal(0, 64**-0.5, (64, units))
        self.output = random.normal(0, units**-0.5, (units, 10))

    def forward(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        active = np.maximum(x @ self.hidden, 0)
        scores = active @ self.output
        odds = np.exp(scores - scores.max(axis=1, keepdims=True))
        return active, odds / odds.sum(axis=1, keepdims=True)

    def step(self, x: np.ndarray, y: np.ndarray, learning_rate: float) -> None:
        """Gradient descent on the cross-entropy of a batch."""
        active, error = self.forward(x)
        error[np.arange(len(y)), y] -= 1
        back = (error @ self.output.T) * (active > 0)
        self.output -= learning_rate * active.T @ error / len(y)
        self.hidden -= learning_rate * x.T @ back / len(y)

    def evaluate(self, x: np.ndarray, y: np.ndarray) -> dict[str, float]:
        _, probability = self.forward(x)
        loss = -np.log(probability[np.arange(len(y)), y] + 1e-9).mean()
        accuracy = (probability.argmax(axis=1) == y).mean()
        return {"val_loss": loss, "val_accuracy": accuracy}


if __name__ == "__main__":
    main()
