"""What a task returns, as named numbers."""

from collections.abc import Iterable, Mapping, Set
from itertools import islice
from typing import Any

from besom.common.errors import UserError
from besom.common.text import named, number, storable, unnamed

MOST_NUMBERS = 10_000
"""All are kept with the run; a list of predictions belongs into a file."""


def as_numbers(returned: Any) -> dict[str, float]:
    """Numbers under their names, plain ones under those of :func:`unnamed`; none for None.

    Raises:
        UserError: it is neither a number, nor several, nor a mapping of names to numbers.
    """
    if returned is None:
        return {}
    named = _by_name(returned)
    if len(named) > MOST_NUMBERS:
        raise UserError(
            f"the task returned more than {MOST_NUMBERS:,} numbers; it must return those that are "
            "judged, and may keep others in a file with besom.save"
        )
    try:
        numbers = {name: number(name, value) for name, value in named.items()}
    except (TypeError, ValueError):
        numbers = {}
    if not numbers:
        raise UserError(
            f"the task returned {_shown(returned)}; "
            "it must return a number, a list of numbers, or a mapping of names to numbers"
        )
    return numbers


def _by_name(returned: Any) -> dict[str, Any]:
    """Whatever their number, one more at most than are allowed."""
    if isinstance(returned, Mapping):
        first = islice(returned.items(), MOST_NUMBERS + 1)
        return named((storable(str(name)), value) for name, value in first)
    # An array without dimensions says that it can be iterated, and cannot.
    is_one = getattr(returned, "ndim", None) == 0 or isinstance(returned, str | bytes | Set)
    if is_one or not isinstance(returned, Iterable):
        return {"objective": returned}
    several = list(islice(returned, MOST_NUMBERS + 1))
    return dict(zip(unnamed(len(several)), several, strict=True))


def _shown(returned: Any) -> str:
    try:
        return storable(" ".join(repr(returned).split()))[:80]
    except Exception:  # a whole number of too many digits, or a bug of the object's own
        return f"an object of type {type(returned).__name__}"
