"""Tests the loop over epochs, early stopping, and which weights are kept."""

import numpy as np
import pytest

from besom.rnn.data import Split

pytestmark = pytest.mark.usefixtures("tensorflow")

VALIDATION = Split(np.zeros((1, 2), np.int32), np.zeros(1, np.int64))


class Counting:
    """An engine that counts its epochs and keeps the orders it was given."""

    def __init__(self) -> None:
        self.orders: list[list[int]] = []

    def train(self, order: np.ndarray) -> object:
        from besom.rnn.engines.base import Score

        self.orders.append(order.tolist())
        return Score(loss=1.0, accuracy=0.5)

    def evaluate(self, split: Split) -> object:
        from besom.rnn.engines.base import Score

        assert split is VALIDATION
        return Score(loss=2.0, accuracy=0.25)


def test_an_epoch_is_trained_only_when_asked_for() -> None:
    from besom.rnn.fit import fit, make_order

    engine = Counting()
    order = make_order("every_epoch", seed=0, reviews=5)
    epochs = fit(engine, order, VALIDATION, epochs=3)  # type: ignore[arg-type]
    assert engine.orders == []
    first = next(epochs)
    assert len(engine.orders) == 1
    assert first.number == 1 and first.seconds >= 0
    assert first.metrics == {"loss": 1.0, "accuracy": 0.5, "val_loss": 2.0, "val_accuracy": 0.25}
    assert [epoch.number for epoch in epochs] == [2, 3]


@pytest.mark.parametrize(("shuffle", "orders"), [("every_epoch", 3), ("once", 1)])
def test_reviews_are_shuffled_as_often_as_the_configuration_says(shuffle: str, orders: int) -> None:
    from besom.rnn.fit import fit, make_order

    engine = Counting()
    list(fit(engine, make_order(shuffle, 0, 50), VALIDATION, epochs=3))  # type: ignore[arg-type]
    assert len({tuple(order) for order in engine.orders}) == orders
    assert engine.orders[0] != list(range(50))


def test_an_order_depends_on_seed_and_epoch_alone() -> None:
    from besom.rnn.fit import order_of

    order = order_of(seed=7, epoch=3, reviews=100)
    np.random.default_rng().random()
    assert (order == order_of(seed=7, epoch=3, reviews=100)).all()
    assert order.dtype == np.int32
    assert sorted(order.tolist()) == list(range(100))
    others = [order_of(7, 4, 100), order_of(8, 3, 100), order_of(3, 7, 100)]
    assert all((order != other).any() for other in others)


@pytest.mark.parametrize(("seed", "repeats"), [(0, True), (None, False)])
def test_seeded_stock_fit_repeats_one_order(seed: int | None, repeats: bool) -> None:
    """Why ``training.shuffle=once`` is the default: docs/decisions/007."""
    import keras
    import tensorflow as tf

    class Watching(keras.Model):
        """Learns nothing, and notes its inputs."""

        def train_step(self, data: tuple[tf.Tensor, tf.Tensor]) -> dict[str, tf.Tensor]:
            shown.extend(data[0].numpy().ravel().tolist())
            return {"loss": tf.zeros(())}

        def call(self, numbers: tf.Tensor) -> tf.Tensor:
            return numbers

    shown: list[int] = []
    numbers = np.arange(50)[:, None]
    keras.backend.clear_session()
    if seed is None:
        tf.random.set_seed(None)
    else:
        keras.utils.set_random_seed(seed)
    model = Watching()
    model.compile(run_eagerly=True)
    model.fit(numbers, numbers, batch_size=8, epochs=2, verbose=0)
    first, second = shown[:50], shown[50:]
    assert sorted(first) == sorted(second) == list(range(50))
    assert (first == second) is repeats


class Weights:
    """Stands in for a model with one weight."""

    def __init__(self) -> None:
        self.value = 0

    def get_weights(self) -> list[np.ndarray]:
        return [np.array(self.value)]

    def set_weights(self, weights: list[np.ndarray]) -> None:
        self.value = int(weights[0])


def followed(
    accuracies: list[float], *, restore: bool = False, patience: int | None = None
) -> tuple[int, int, int]:
    """Return the number of trained epochs, the kept epoch, and that of the model's weights."""
    from besom.rnn.fit import EarlyStopping, Epoch

    model = Weights()
    stopping = EarlyStopping(model, restore=restore, patience=patience)
    seen = 0
    for number, accuracy in enumerate(accuracies):
        seen, model.value = seen + 1, number
        if not stopping.see(Epoch(number, 0, 0, 0, val_accuracy=accuracy, seconds=0)):
            break
    kept = stopping.kept().number
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
