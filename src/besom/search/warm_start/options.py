"""The options ``warm_start`` and ``enqueue: best N`` as they are written. No Optuna: the lines that
a sweep begins with need them."""

from collections.abc import Sequence
from typing import Any

from besom.common.errors import ConfigError
from besom.search.ranking import number_of

OPTION = "hydra.sweeper.warm_start"


def source_names(given: Any) -> tuple[str, ...]:
    """The option ``warm_start``: studies, a list of them or one.

    Raises:
        ConfigError: it is something else.
    """
    names = [given] if isinstance(given, str) else given
    if names is None:
        return ()
    is_list = isinstance(names, Sequence) and all(isinstance(one, str) and one for one in names)
    if not is_list:
        raise ConfigError(
            f"{OPTION}={given}: give a list of studies, [NAME, sqlite:///other.db#NAME] say."
        )
    return tuple(dict.fromkeys(names))


def number_of_best(given: Any) -> int:
    """How many are tried first, where ``enqueue`` says ``best N``; 0 where it says something else.

    Raises:
        ConfigError: it is a text that says nothing of that form, or 0.
    """
    if not isinstance(given, str):
        return 0
    if (number := number_of(given)) is None:
        raise ConfigError(
            f"hydra.sweeper.enqueue={given}: give a list of points, or `best 5` with {OPTION}."
        )
    return number
