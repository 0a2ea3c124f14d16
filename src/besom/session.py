"""Provides the functions that a running task may call; each call goes to the trial's listener.

A task may call :func:`report`, :func:`log`, :func:`save` and the others anywhere. In a sweep the
calls reach the supervisor, and in a single tracked run MLflow. Otherwise they do nothing, so that
the task still runs as a plain function. A call with values that cannot be recorded raises an error,
whether or not there is a listener.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, SupportsFloat, SupportsIndex

from besom.common.files import check_kept
from besom.common.keras_model import KerasModel as KerasModel
from besom.common.keras_model import TensorSpec as TensorSpec
from besom.common.keras_model import check_keras, checked
from besom.common.text import LARGEST, check_table, named, number, storable, whole

if TYPE_CHECKING:
    import keras

_OURS = re.compile(r"(besom|mlflow)\.")
_OURS_OR_UNNAMED = re.compile(rf"{_OURS.pattern}|objective(_\d+)?$")
"""Besom also reserves the names of plain numbers that a task returns."""


class Listener(Protocol):
    """Receives a task's calls. ``report`` may raise :class:`besom.common.errors.Stop`."""

    def expect(self, steps: int) -> None: ...

    def report(self, step: int, metrics: Mapping[str, float]) -> None: ...

    def log(self, values: Mapping[str, float | str]) -> None: ...

    def save(self, path: Path) -> None: ...

    def save_model(self, model: KerasModel) -> None: ...

    def table(self, name: str, rows: Sequence[Mapping[str, float | str]]) -> None: ...

    def log_dataset(self, dataset: "LoggedDataset") -> None: ...


@dataclass(frozen=True)
class LoggedDataset:
    """Data that a run uses: see :func:`log_dataset`."""

    name: str
    digest: str
    source: str
    rows: int


@dataclass
class Steps:
    """A task's progress: the highest step that it has reported, and the steps that it expects."""

    done: int = 0
    expected: int = 0


_listener: ContextVar[Listener | None] = ContextVar("besom_listener", default=None)
_steps: ContextVar[Steps] = ContextVar("besom_steps")


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Send all calls inside the block to ``listener``."""
    token, steps = _listener.set(listener), _steps.set(Steps())
    try:
        yield
    finally:
        _listener.reset(token)
        _steps.reset(steps)


def stop_listening() -> None:
    """Stop sending this process's calls to a listener: the listener is its parent's."""
    _listener.set(None)


def is_recorded() -> bool:
    """Return whether anything listens, so that a task can leave out costly records.

    Examples:
        >>> if besom.is_recorded():
        ...     besom.table("errors", [{"text": "dull", "probability": 0.9}])
    """
    return _listener.get() is not None


def steps() -> Steps:
    """Return the progress of the task that is listened to.

    Raises:
        LookupError: nothing listens, see :func:`is_recorded`.
    """
    return _steps.get()


def expect(steps: SupportsIndex) -> None:
    """Set how many reports will come, for progress bars and time estimates.

    Raises:
        TypeError, ValueError: ``steps`` is no whole number, or below 0.

    Examples:
        >>> besom.expect(10)
    """
    count = whole("steps", steps)
    if listener := _listener.get():
        _steps.get().expected = count
        listener.expect(count)


def report(step: SupportsIndex, **metrics: SupportsFloat) -> None:
    """Report the metrics after ``step``, such as an epoch, counted from 1: the steps that are done.

    Raises:
        besom.Pruned: the sweep's pruner ends this trial.
        besom.Interrupted: the sweep is stopping.
        TypeError, ValueError: ``step`` is no whole number, below 0, or too large for a database; a
            metric is no number, or its name is reserved.

    Examples:
        >>> for epoch in range(1, 11):
        ...     val_loss = 1 / epoch
        ...     besom.report(epoch, val_loss=val_loss)
    """
    count = whole("step", step)
    numbers = named((_free(name), number(name, value)) for name, value in metrics.items())
    if listener := _listener.get():
        _steps.get().done = max(_steps.get().done, count)
        listener.report(count, numbers)


def log(values: Mapping[str, SupportsFloat | str]) -> None:
    """Record facts about the whole run: numbers become metrics, text becomes tags.

    Raises:
        TypeError, ValueError: a value is neither a number nor text, or its name is reserved.

    Examples:
        >>> besom.log({"parameters": 320_000, "data.name": "imdb"})
    """
    facts = named(
        (
            _free(name, _OURS_OR_UNNAMED),
            storable(value) if isinstance(value, str) else number(name, value, "a number or text"),
        )
        for name, value in values.items()
    )
    if listener := _listener.get():
        listener.log(facts)


def log_dataset(name: str, digest: str, source: str | Path, rows: SupportsIndex) -> None:
    """Record which data the run uses. MLflow shows them among its inputs.

    Args:
        name: the name of the data.
        digest: identifies their content; MLflow keeps 36 characters of it.
        source: the path or address of the data.
        rows: the number of rows.

    Raises:
        TypeError, ValueError: ``rows`` is no whole number, or below 0.

    Examples:
        >>> besom.log_dataset("reviews", digest="5f2c", source="reviews.csv", rows=3_000)
    """
    dataset = LoggedDataset(
        storable(name), storable(digest), storable(str(source)), whole("rows", rows)
    )
    if listener := _listener.get():
        listener.log_dataset(dataset)


def save(path: str | Path) -> None:
    """Keep a file or folder with the run. It must stay in place until the task returns.

    Raises:
        FileNotFoundError: it does not exist.
        ValueError, OSError: it is no regular file or folder, or holds something that is neither or
            cannot be read.

    Examples:
        >>> written = Path("plot.svg").write_text("<svg/>")
        >>> besom.save("plot.svg")
    """
    found = _existing(Path(path))
    check_kept(found)
    if listener := _listener.get():
        listener.save(found)


def save_model(model: "KerasModel | keras.Model") -> None:
    """Keep a Keras model as the run's model, loadable from ``runs:/ID/model``.

    A model in memory is written to ``besom_model.keras`` in the job's folder, and MLflow records
    the shapes and types of its inputs and outputs. Where nothing is recorded, nothing is written.

    Raises:
        FileNotFoundError: the file of a saved model does not exist.
        TypeError, ValueError, OSError: it is no Keras model, its file cannot be read, or a shape or
            type is not valid.

    Examples:
        >>> besom.save_model(network)  # a Keras model that has been trained

        A model that is already saved; this process need not load it:

        >>> tokens = besom.TensorSpec((None, 100), "int32")
        >>> score = besom.TensorSpec((None, 1), "float32")
        >>> besom.save_model(besom.KerasModel(Path("model.keras"), tokens, score))
    """
    if not isinstance(model, KerasModel):
        check_keras(model)
        if not is_recorded():
            return
        from besom.keras_task import saved

        model = saved(model)
    found = checked(replace(model, path=_existing(Path(model.path))))
    check_kept(found.path)
    if listener := _listener.get():
        listener.save_model(found)


def table(name: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Keep a small table with the run; values other than numbers and text are shown as text.

    Raises:
        ValueError: a row has other keys than the first, or the name is not valid for a file.

    Examples:
        >>> besom.table("errors", [{"text": "dull", "label": 1, "probability": 0.9}])
    """
    check_table(name)
    for index, row in enumerate(rows):
        if row.keys() != rows[0].keys():
            raise ValueError(
                f"row {index} of table {name!r} has the keys {[*row]}, the first one {[*rows[0]]}"
            )
    cells = [
        named((storable(str(key)), _cell(value)) for key, value in row.items()) for row in rows
    ]
    if listener := _listener.get():
        listener.table(name, cells)


def _free(name: object, ours: re.Pattern[str] = _OURS) -> str:
    """Return the name of a task's metric or tag; refuse one that Besom or MLflow reserves."""
    if ours.match(free := storable(str(name))):
        raise ValueError(f"the name {free} is Besom's or MLflow's own; give another one")
    return free


def _cell(value: Any) -> float | str:
    """Return a value as a Python number or text; scalars of other libraries are unwrapped."""
    if getattr(value, "shape", None) == ():
        import numpy

        value = numpy.asarray(value).item()
    is_number = type(value) in (bool, float) or (type(value) is int and abs(value) <= LARGEST)
    return value if is_number else storable(value)


def _existing(path: Path) -> Path:
    """Return an existing path as an absolute one, valid in any working folder."""
    if not path.exists():
        raise FileNotFoundError(f"{path} cannot be kept with the run: it does not exist")
    return path.absolute()
