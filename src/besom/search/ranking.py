"""Which trials are the best: the order in which all tables have them, and ``best 5`` as the options
``enqueue`` and ``keep_models`` and a flag of ``besom clean`` say it."""

import math
import re
from collections.abc import Callable, Iterable
from typing import Any, Protocol, TypeVar

from besom.common.errors import ConfigError

_STATES = ("complete", "pruned", "running", "failed")
_BEST = re.compile(r"best\s+([1-9]\d*)", re.IGNORECASE)


class Ended(Protocol):
    """A trial, of a study or of a record."""

    @property
    def number(self) -> int | None: ...

    @property
    def state(self) -> str: ...

    @property
    def counts(self) -> bool: ...

    @property
    def infeasible(self) -> str: ...


T = TypeVar("T", bound=Ended)


def best_first(trials: Iterable[T], value: Callable[[T], float | None], direction: str) -> list[T]:
    """Complete trials by their value, the infeasible ones behind them; then pruned ones by the
    last value that they reported; then those that run or were interrupted, and failed ones; those
    of other code last. Of equal ones the lowest number is first, as in Optuna's ``best_trial``.

    Args:
        value: None where it has none, which comes behind all values.
        direction: ``maximize`` or ``minimize``.
    """
    sign = -1 if direction == "maximize" else 1

    def key(trial: T) -> tuple[bool, int, bool, bool, float, float]:
        place = _STATES.index(trial.state) if trial.state in _STATES else len(_STATES)
        found = value(trial) if trial.state in ("complete", "pruned") else None
        has_none = found is None or math.isnan(found)
        size = 0.0 if found is None or has_none else sign * found
        number = math.inf if trial.number is None else trial.number
        is_infeasible = trial.state == "complete" and bool(trial.infeasible)
        return not trial.counts, place, is_infeasible, has_none, size, number

    return sorted(trials, key=key)


def number_of(text: Any) -> int | None:
    """``5``; None where the text is not of that form, or says 0."""
    found = _BEST.fullmatch(text.strip()) if isinstance(text, str) else None
    return int(found[1]) if found else None


def models_kept(given: Any, option: str = "hydra.sweeper.keep_models") -> int | None:
    """Of how many trials models are kept; None for all.

    Args:
        option: how the value was given, with which a message begins.

    Raises:
        ConfigError: it is neither ``all``, ``best N`` nor ``none``.
    """
    if given in ("all", None):
        return None
    if given == "none":
        return 0
    if (number := number_of(given)) is None:
        raise ConfigError(f"{option}={given}: take all, none, or best N with N above 0.")
    return number
