"""What a task function may tell whoever listens: a sweep, MLflow, or nobody.

A task calls :func:`report`, :func:`log`, :func:`save` and their kin wherever it likes. In a sweep
they reach the supervisor, in a single tracked run MLflow, otherwise they do nothing, so a task
that uses them still runs as a plain function.

Example::

    for epoch in range(1, config.epochs + 1):
        accuracy = train_one_epoch(model)
        besom.report(epoch, val_accuracy=accuracy)   # raises besom.Pruned when it should stop
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class TensorSpec:
    """Shape and type of one side of a model; ``None`` is the free batch dimension."""

    shape: tuple[int | None, ...]
    dtype: str


@dataclass(frozen=True)
class KerasModel:
    """A saved ``.keras`` file and what it takes and gives, so that nobody must load it to know."""

    path: Path
    inputs: TensorSpec
    outputs: TensorSpec


class Listener(Protocol):
    """Who receives what a task tells. ``report`` may raise :class:`besom.errors.Stop`."""

    def expect(self, steps: int) -> None: ...

    def report(self, step: int, metrics: Mapping[str, float]) -> None: ...

    def log(self, values: Mapping[str, float | str]) -> None: ...

    def save(self, path: Path) -> None: ...

    def save_model(self, model: KerasModel) -> None: ...

    def table(self, name: str, rows: Sequence[Mapping[str, float | str]]) -> None: ...


_listener: ContextVar[Listener | None] = ContextVar("besom_listener", default=None)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Send everything that is told inside the block to ``listener``."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def attached() -> bool:
    """Whether anybody listens, so that a task can spare itself costly records."""
    return _listener.get() is not None


def expect(steps: int) -> None:
    """Say how many reports will come, for progress bars and time estimates."""
    if listener := _listener.get():
        listener.expect(steps)


def report(step: int, **metrics: float) -> None:
    """Tell the metrics after ``step`` (an epoch, say), counted from 1: so many steps are done.

    Raises:
        besom.Pruned: the sweep's pruner ends this trial.
        besom.Interrupted: the sweep is stopping.
    """
    if listener := _listener.get():
        listener.report(step, {name: float(value) for name, value in metrics.items()})


def log(values: Mapping[str, float | str]) -> None:
    """Tell facts about the whole run: numbers become metrics, text becomes tags."""
    if listener := _listener.get():
        listener.log(values)


def save(path: str | Path) -> None:
    """Keep a file or folder with the run. It must stay in place until the task returns."""
    if listener := _listener.get():
        listener.save(Path(path).absolute())


def save_model(model: KerasModel) -> None:
    """Keep a saved Keras model as the run's model, loadable from ``runs:/ID/model``."""
    if listener := _listener.get():
        listener.save_model(model)


def table(name: str, rows: Sequence[Mapping[str, float | str]]) -> None:
    """Keep a small table with the run; every row has the same keys."""
    if listener := _listener.get():
        listener.table(name, rows)
