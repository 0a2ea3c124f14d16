"""Seconds for one epoch of training, in three shapes on one core: Besom against ``model.fit``.

On one core, stock ``fit`` waits at the end of an epoch for the next tick of the tuning thread of
TensorFlow's input pipeline (docs/decisions/005). A user waits too, so the rows are of wall time.
The rows of processor time leave this wait out, and have the same goal.

A sample is the mean epoch of one call, which trains ``EPOCHS`` epochs on each side.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count

from benchmarks.configurations import BASELINE, Configuration
from benchmarks.harness import Goal, Row, in_turn, main, pinned
from besom.rnn import environment
from besom.rnn.config import Data
from besom.rnn.data import Split, load

SHAPES = {
    "baseline": (BASELINE, Goal(4)),
    "wide, 128 units": (replace(BASELINE, embedding_dim=128, units=128), Goal(1)),
    "long, 400 tokens": (replace(BASELINE, max_length=400), Goal(1)),
}


EPOCHS = 3


@dataclass
class Side:
    """A side that trains ``epochs`` epochs at each call and returns the wall time of one (seconds).

    ``processor`` collects the processor times of one epoch.
    """

    train: Callable[[], object]
    epochs: int = 1
    processor: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        wall, processor = time.perf_counter(), time.process_time()
        self.train()
        self.processor.append((time.process_time() - processor) / self.epochs)
        return (time.perf_counter() - wall) / self.epochs


def measure(quick: bool) -> list[Row]:
    """Measure each shape against stock ``fit`` and, unless ``quick``, ``fit`` compiled by XLA."""
    with pinned(1):
        environment.prepare()
        rate = _product_rate()
        return [
            row
            for what, (configuration, goal) in SHAPES.items()
            for row in _rows(what, configuration, goal, rate, quick)
        ]


def _rows(
    what: str, configuration: Configuration, goal: Goal, rate: float, quick: bool
) -> Iterator[Row]:
    data = Data("imdb", configuration.vocab_size, configuration.max_length, path=None)
    train = load(data, validation_split=0.2, with_test=False).train
    peers = {"stock model.fit": _stock(configuration, train, jit_compile=False)}
    if not quick:
        peers["model.fit, jit_compile"] = _stock(configuration, train, jit_compile=True)
    trainings = [_ours(configuration, train), *peers.values()]
    for training in trainings:
        training()  # compiles
    sides = [Side(training, EPOCHS) for training in trainings]
    ours, *others = in_turn(*sides, repetitions=2 if quick else 5)
    operations = _operations(configuration, len(train))
    floor = {"operations": operations, "operations_per_second": rate, "floor": operations / rate}
    for name, seconds, side in zip(peers, others, sides[1:], strict=True):
        held = goal if name == "stock model.fit" else None
        note = f"products alone {operations / rate:.2f} s"
        yield Row(what, ours, seconds, name, goal=held, note=note, details=floor)
        processor = (sides[0].processor, side.processor)
        yield Row(f"{what}, processor time", *processor, name, goal=held)


def _ours(configuration: Configuration, train: Split) -> Callable[[], object]:
    import keras

    from besom.rnn.config import RecurrentModel
    from besom.rnn.engines.xla import XlaEngine
    from besom.rnn.fit import order_of
    from besom.rnn.models import build_model

    layers = RecurrentModel(
        name="simple_rnn",
        embedding_dim=configuration.embedding_dim,
        units=configuration.units,
        dropout=0.0,
    )
    model = build_model(layers, configuration.vocab_size, configuration.max_length, 2)
    optimizer = keras.optimizers.Adam(configuration.learning_rate)
    engine = XlaEngine(model, optimizer, train, configuration.batch_size)
    numbers = count(1)
    return lambda: [engine.train(order_of(0, next(numbers), len(train))) for _ in range(EPOCHS)]


def _stock(
    configuration: Configuration, train: Split, *, jit_compile: bool
) -> Callable[[], object]:
    from benchmarks.peers import reference

    model = reference.build(configuration)
    model.jit_compile = jit_compile
    size = configuration.batch_size
    return lambda: model.fit(train.tokens, train.labels, batch_size=size, epochs=EPOCHS, verbose=0)


def _operations(configuration: Configuration, reviews: int) -> int:
    """Return the operations of an epoch's matrix products: forward, and twice as many backward."""
    units = configuration.units
    weights = configuration.embedding_dim * units + units * units
    return 3 * 2 * reviews * configuration.max_length * weights


def _product_rate() -> float:
    """Measure the operations per second of this core in a large matrix product."""
    import tensorflow as tf

    size = 1024
    matrix = tf.random.normal([size, size])
    product = Side(lambda: tf.matmul(matrix, matrix).numpy())
    return 2 * size**3 / min(product() for _ in range(10))


if __name__ == "__main__":
    main("kernel", measure)
