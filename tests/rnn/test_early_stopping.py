"""When to give up, and which weights to keep."""

import numpy as np
import pytest

pytestmark = pytest.mark.usefixtures("tensorflow")


class Weights:
    """Stands for a model of one weight."""

    def __init__(self) -> None:
        self.value = 0

    def get_weights(self) -> list[np.ndarray]:
        return [np.array(self.value)]

    def set_weights(self, weights: list[np.ndarray]) -> None:
        self.value = int(weights[0])


def followed(
    accuracies: list[float], *, restore: bool = False, patience: int | None = None
) -> tuple[int, int, int]:
    """Epochs that were trained, the epoch that is kept, and the epoch of the model's weights."""
    from besom.rnn.early_stopping import Best
    from besom.rnn.fit import Epoch

    model = Weights()
    best = Best(model, restore=restore, patience=patience)
    seen = 0
    for number, accuracy in enumerate(accuracies):
        seen, model.value = seen + 1, number
        if not best.see(Epoch(number, 0, 0, 0, val_accuracy=accuracy, seconds=0)):
            break
    kept = best.kept().number
    return seen, kept, model.value


def test_without_wishes_the_last_epoch_is_kept() -> None:
    assert followed([0.5, 0.9, 0.6]) == (3, 2, 2)


def test_the_best_weights_are_put_back() -> None:
    assert followed([0.5, 0.9, 0.6], restore=True) == (3, 1, 1)


def test_the_first_of_equal_epochs_is_the_best() -> None:
    assert followed([0.5, 0.9, 0.9], restore=True) == (3, 1, 1)


@pytest.mark.parametrize(("patience", "epochs"), [(1, 3), (2, 4), (3, 7), (None, 7)])
def test_patience_counts_epochs_without_a_better_accuracy(
    patience: int | None, epochs: int
) -> None:
    accuracies = [0.5, 0.6, 0.6, 0.5, 0.7, 0.7, 0.7]
    assert followed(accuracies, patience=patience)[0] == epochs


def test_patience_and_restoring_work_together() -> None:
    assert followed([0.5, 0.9, 0.8, 0.7, 1.0], restore=True, patience=2) == (4, 1, 1)
