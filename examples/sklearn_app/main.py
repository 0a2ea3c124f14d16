"""A linear classifier of scikit-learn on handwritten digits, trained epoch by epoch.

`python main.py` trains once, `python main.py -m` sweeps as conf/config.yaml says.
"""

import hydra
import numpy as np
from omegaconf import DictConfig
from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import train_test_split

import besom


@hydra.main(version_base=None, config_path="conf", config_name="config")
def main(config: DictConfig) -> float:
    """Train a classifier, report its accuracy after each epoch, return the last."""
    images, labels = load_digits(return_X_y=True)
    train_x, val_x, train_y, val_y = train_test_split(images / 16, labels, random_state=0)
    random = np.random.default_rng(config.seed)
    model = SGDClassifier(
        loss="log_loss",
        penalty=config.penalty,
        alpha=config.alpha,
        learning_rate="constant",
        eta0=config.learning_rate,
        random_state=config.seed,
    )

    besom.expect(config.epochs)
    for epoch in range(1, config.epochs + 1):
        order = random.permutation(len(train_x))
        model.partial_fit(train_x[order], train_y[order], classes=range(10))
        accuracy = model.score(val_x, val_y)
        besom.report(epoch, val_accuracy=accuracy)
    return accuracy


if __name__ == "__main__":
    main()
