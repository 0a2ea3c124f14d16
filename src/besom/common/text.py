"""Formats text, names and numbers for terminals, databases, file systems and readers."""

import operator
from collections.abc import Iterable
from typing import Any, SupportsFloat, SupportsIndex, TypeVar

LONGEST_LINE = 600
"""Characters in a line of a message; it quotes a wrong value, but not ten thousand characters."""
LONGEST_NAME = 255
"""Bytes in a file's name, the limit of most file systems."""
MOST_LINES = 3
MOST_SHOWN = 8
LARGEST = 2**63 - 1
"""The largest whole number that databases hold."""

Value = TypeVar("Value")


def plain(text: str) -> str:
    """Return a message without control characters, and without the middle where it is too long.

    A message begins with what is wrong and ends with the remedy.
    """
    lines = [shorten_middle(printable(line), LONGEST_LINE) for line in text.strip().split("\n")]
    return "\n".join(lines if len(lines) <= MOST_LINES else [lines[0], "…", lines[-1]])


def printable(text: str) -> str:
    """Return ``text`` with its control characters escaped, so that none acts on a terminal."""
    if text.isprintable():
        return text
    shown = (c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
    return "".join(shown)


def shorten(text: str, limit: int) -> str:
    """Return ``text`` in at most ``limit`` characters, with an ellipsis where some are missing."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def shorten_words(text: str, limit: int) -> str:
    """Return as many words of ``text`` as fit in ``limit`` characters; an ellipsis ends them."""
    if len(text) <= limit:
        return text
    words = text[: limit - 1].rpartition(" ")[0].rstrip()
    return f"{words} …" if words else shorten(text, limit)


def shorten_middle(text: str, limit: int) -> str:
    """Return the beginning and the end of ``text`` where it has more than ``limit`` characters."""
    return text if len(text) <= limit else f"{text[: limit // 2]} … {text[-limit // 2 :]}"


def show(value: Any) -> str:
    """Return a number with four digits, or whole if large; return anything else as text."""
    if not isinstance(value, float):
        return storable(value)
    return f"{value:.0f}" if 1e4 <= abs(value) < 1e15 else f"{value:.4g}"


def duration(seconds: float) -> str:
    """Return a time as ``4.2 s``, ``45 s``, ``3 min 20 s`` or ``2 h 05 min``."""
    if seconds < 59.5:
        return f"{seconds:.{int(seconds < 9.95)}f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def storable(text: str) -> str:
    """Return text that any database accepts: file names may hold bytes that are no characters."""
    return str(text).encode(errors="backslashreplace").decode().replace("\0", "\\x00")


def number(name: str, value: SupportsFloat, wanted: str = "a number") -> float:
    """Return a number of any library as a Python float; text is no number, not even "0.5".

    Raises:
        TypeError, ValueError: it is no number, or too large for a float.
    """
    try:
        if hasattr(value, "__float__"):
            return float(value)
    except TypeError:  # an array of several numbers, say
        pass
    except OverflowError:
        raise ValueError(f"{name} is a whole number beyond all floats") from None
    raise TypeError(f"{name} is of type {type(value).__name__}; it must be {wanted}")


def whole(name: str, value: SupportsIndex) -> int:
    """Return a whole number from 0 as a Python int; NumPy's and TensorFlow's are accepted too."""
    try:
        count = operator.index(value)
    except TypeError:
        raise TypeError(f"{name}={value!r} must be a whole number") from None
    if count < 0:
        raise ValueError(f"{name}={count} must not be below 0")
    if count > LARGEST:
        raise ValueError(f"{name} must not be above 2**63 - 1, the most that a database holds")
    return count


def named(values: Iterable[tuple[str, Value]]) -> dict[str, Value]:
    """Return a mapping of named values.

    Raises:
        ValueError: two have the same name, such as ``3`` and ``"3"`` after :func:`storable`.
    """
    found: dict[str, Value] = {}
    for name, value in values:
        if name in found:
            raise ValueError(f"two values have the name {name}; give one of them another")
        found[name] = value
    return found


def listed_numbers(numbers: Iterable[int]) -> str:
    """Return distinct whole numbers as sorted text: ``0, 3 to 10, 12``."""
    runs: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return ", ".join(f"{first}" if first == last else f"{first} to {last}" for first, last in runs)


def unnamed(count: int) -> tuple[str, ...]:
    """Return the names of ``count`` objectives whose task gives them no names."""
    return tuple(f"objective_{i}" if i else "objective" for i in range(count))


def few(names: Iterable[str], most: int = MOST_SHOWN) -> str:
    """Return the first names for a message, and how many more there are."""
    known = list(names)
    more = len(known) - most
    return ", ".join(known[:most]) + (f" and {more:,} more" if more > 0 else "")


def check_table(name: str) -> None:
    """Check that a table's name is valid for a file below the run's own folder.

    Raises:
        ValueError: it is not.
    """
    parts = name.split("/")
    is_plain = name == storable(name) and name.isprintable() and "\\" not in name
    longest = max(len(f"{part}.json".encode(errors="replace")) for part in parts)
    if not is_plain or longest > LONGEST_NAME or any(part in ("", ".", "..") for part in parts):
        raise ValueError(
            f"the table's name {name!r:.80} must be one of a file of at most {LONGEST_NAME - 5} "
            "bytes, such as errors or val/errors, without backslashes or .. in it"
        )
