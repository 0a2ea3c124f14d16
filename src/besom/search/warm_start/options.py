"""Reads the options ``warm_start`` and ``enqueue: best N``.

It does not import Optuna, since the first lines that a sweep prints need it.
"""

from collections.abc import Sequence
from typing import Any

from besom.common.errors import ConfigError
from besom.search.ranking import number_of

OPTION = "hydra.sweeper.warm_start"


def source_names(given: Any) -> tuple[str, ...]:
    """Read the option ``warm_start``: the name of a study, or a list of names.

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
    """Return the N of ``enqueue: best N``; 0 if the option is not text.

    Raises:
        ConfigError: the text does not have that form, or says 0.
    """
    if not isinstance(given, str):
        return 0
    if (number := number_of(given)) is None:
        raise ConfigError(
            f"hydra.sweeper.enqueue={given}: give a list of points, or `best 5` with {OPTION}."
        )
    return number
