"""What a task function may tell a listener: a sweep, MLflow, or none.

A task calls :func:`report`, :func:`log`, :func:`save` and their kin wherever it likes. In a sweep
they reach the supervisor, in a single tracked run MLflow, otherwise they do nothing, so a task
that uses them still runs as a plain function. What cannot be recorded is refused where it is
said, whether or not there is a listener.

Example::

    for epoch in range(1, config.epochs + 1):
        accuracy = train_one_epoch(model)
        besom.report(epoch, val_accuracy=accuracy)   # raises besom.Pruned when it should stop
"""

import operator
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, SupportsFloat, SupportsIndex, TypeVar

from besom.common.files import LONGEST_NAME, check_kept

LARGEST = 2**63 - 1
OURS = re.compile(r"(besom|mlflow)\.")
PLAIN = re.compile(rf"{OURS.pattern}|objective(_\d+)?$")
"""The names of plain numbers that a task returns are also ours."""


Value = TypeVar("Value")


@dataclass(frozen=True)
class TensorSpec:
    """Shape and type of one side of a model; ``None`` is the free batch dimension."""

    shape: tuple[int | None, ...]
    dtype: str


@dataclass(frozen=True)
class KerasModel:
    """A saved ``.keras`` file and what it takes and gives, known without loading it."""

    path: Path
    inputs: TensorSpec
    outputs: TensorSpec


class Listener(Protocol):
    """Receives what a task tells. ``report`` may raise :class:`besom.common.errors.Stop`."""

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


def stop_listening() -> None:
    """What this process tells from here on reaches no listener: that is its parent's."""
    _listener.set(None)


def attached() -> bool:
    """Whether there is a listener, so that a task can spare itself costly records."""
    return _listener.get() is not None


def expect(steps: SupportsIndex) -> None:
    """Say how many reports will come, for progress bars and time estimates.

    Raises:
        TypeError, ValueError: ``steps`` is no whole number, or below 0.
    """
    count = _count("steps", steps)
    if listener := _listener.get():
        listener.expect(count)


def report(step: SupportsIndex, **metrics: SupportsFloat) -> None:
    """Tell the metrics after ``step`` (an epoch, say), counted from 1: so many steps are done.

    Raises:
        besom.Pruned: the sweep's pruner ends this trial.
        besom.Interrupted: the sweep is stopping.
        TypeError, ValueError: ``step`` is no whole number, below 0, or too large for a database; a
            metric is no number, or its name is not free.
    """
    count = _count("step", step)
    numbers = named((_free(name), number(name, value)) for name, value in metrics.items())
    if listener := _listener.get():
        listener.report(count, numbers)


def log(values: Mapping[str, SupportsFloat | str]) -> None:
    """Tell facts about the whole run: numbers become metrics, text becomes tags.

    Raises:
        TypeError, ValueError: a value is neither a number nor text, or its name is not free.
    """
    facts = named(
        (
            _free(name, PLAIN),
            text(value) if isinstance(value, str) else number(name, value, "a number or text"),
        )
        for name, value in values.items()
    )
    if listener := _listener.get():
        listener.log(facts)


def save(path: str | Path) -> None:
    """Keep a file or folder with the run. It must stay in place until the task returns.

    Raises:
        FileNotFoundError: it is not there.
        ValueError, OSError: it is neither, or holds what is neither, or what cannot be read.
    """
    found = _existing(Path(path))
    check_kept(found)
    if listener := _listener.get():
        listener.save(found)


def save_model(model: KerasModel) -> None:
    """Keep a saved Keras model as the run's model, loadable from ``runs:/ID/model``.

    Raises:
        FileNotFoundError: its file is not there.
        TypeError, ValueError, OSError: it is no file that can be read, or a shape is none.
    """
    path = _existing(Path(model.path))
    check_kept(path)
    found = KerasModel(path, _spec(model.inputs), _spec(model.outputs))
    if listener := _listener.get():
        listener.save_model(found)


def table(name: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Keep a small table with the run; what is neither number nor text is shown as text.

    Raises:
        ValueError: a row has other keys than the first, or the name is none of a file.
    """
    check_table(name)
    for index, row in enumerate(rows):
        if row.keys() != rows[0].keys():
            raise ValueError(
                f"row {index} of table {name!r} has the keys {[*row]}, the first one {[*rows[0]]}"
            )
    cells = [named((text(str(key)), _cell(value)) for key, value in row.items()) for row in rows]
    if listener := _listener.get():
        listener.table(name, cells)


def _count(name: str, value: SupportsIndex) -> int:
    """A whole number from 0, as Python's own type; numpy's and TensorFlow's are taken too."""
    try:
        count = operator.index(value)
    except TypeError:
        raise TypeError(f"{name}={value!r} must be a whole number") from None
    if count < 0:
        raise ValueError(f"{name}={count} must not be below 0")
    if count > LARGEST:
        raise ValueError(f"{name} must not be above 2**63 - 1, the most that a database holds")
    return count


def check_table(name: str) -> None:
    """Find that a table's name is that of a file below the run's own folder.

    Raises:
        ValueError: it is not.
    """
    parts = name.split("/")
    is_plain = name == text(name) and name.isprintable() and "\\" not in name
    longest = max(len(f"{part}.json".encode(errors="replace")) for part in parts)
    if not is_plain or longest > LONGEST_NAME or any(part in ("", ".", "..") for part in parts):
        raise ValueError(
            f"the table's name {name!r:.80} must be one of a file of at most {LONGEST_NAME - 5} "
            "bytes, such as errors or val/errors, without backslashes or .. in it"
        )


def number(name: str, value: SupportsFloat, wanted: str = "a number") -> float:
    """A number of whatever library as Python's own; text is none, not even "0.5".

    Raises:
        TypeError, ValueError: it is none, or too large for one.
    """
    try:
        if hasattr(value, "__float__"):
            return float(value)
    except TypeError:  # an array of several numbers, say
        pass
    except OverflowError:
        raise ValueError(f"{name} is a whole number beyond all floats") from None
    raise TypeError(f"{name} is of type {type(value).__name__}; it must be {wanted}")


def named(values: Iterable[tuple[str, Value]]) -> dict[str, Value]:
    """A mapping of what has names.

    Raises:
        ValueError: two have one; of ``3`` and ``"3"``, say, or once :func:`text` has read them.
    """
    found: dict[str, Value] = {}
    for name, value in values:
        if name in found:
            raise ValueError(f"two values have the name {name}; give one of them another")
        found[name] = value
    return found


def text(value: str) -> str:
    """Text that any database takes: file names may hold bytes that are no characters."""
    return str(value).encode(errors="backslashreplace").decode().replace("\0", "\\x00")


def _free(name: object, ours: re.Pattern[str] = OURS) -> str:
    """A name for a metric or tag of the task's."""
    if ours.match(free := text(str(name))):
        raise ValueError(f"the name {free} is Besom's or MLflow's own; give another one")
    return free


def _cell(value: Any) -> float | str:
    """A number or text of Python's own types; scalars of other libraries are unwrapped."""
    if getattr(value, "shape", None) == ():
        import numpy

        value = numpy.asarray(value).item()
    is_number = type(value) in (bool, float) or (type(value) is int and abs(value) <= LARGEST)
    return value if is_number else text(value)


def _spec(spec: TensorSpec) -> TensorSpec:
    shape = tuple(None if size is None else _count("shape", size) for size in spec.shape)
    return TensorSpec(shape, text(spec.dtype))


def _existing(path: Path) -> Path:
    """The path as it holds in any working folder."""
    if not path.exists():
        raise FileNotFoundError(f"{path} cannot be kept with the run: it does not exist")
    return path.absolute()


def unnamed(count: int) -> tuple[str, ...]:
    """What so many objectives are called whose task gives them no names."""
    return tuple(f"objective_{i}" if i else "objective" for i in range(count))
