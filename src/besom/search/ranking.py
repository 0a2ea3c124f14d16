"""Ranks trials in the order that all tables use, and reads ``best 5``.

The options ``enqueue`` and ``keep_models`` and a flag of ``besom clean`` have that form.
"""

import math
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, TypeVar

from besom.common.errors import ConfigError

_STATES = ("complete", "pruned", "running", "failed")
_BEST = re.compile(r"best\s+([1-9]\d*)", re.IGNORECASE)


class Ended(Protocol):
    """A trial of a study or of the record."""

    @property
    def number(self) -> int | None: ...

    @property
    def state(self) -> str: ...

    @property
    def counts(self) -> bool: ...

    @property
    def infeasible(self) -> str: ...

    @property
    def is_eligible(self) -> bool: ...


T = TypeVar("T", bound=Ended)


def best_first(trials: Iterable[T], value: Callable[[T], float | None], direction: str) -> list[T]:
    """Return the trials in order, the best first.

    Complete trials come first, by value, with the infeasible ones after the feasible ones. Then
    come pruned trials by their last reported value, then running, failed and interrupted ones, and
    last all trials of other source code. Of equal trials the one with the lowest number is first,
    as in Optuna's ``best_trial``.

    Args:
        value: returns a trial's value; None, if there is none, comes after all values.
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


def front(
    trials: Iterable[T], values: Callable[[T], Sequence[float]], directions: Sequence[str]
) -> list[T]:
    """Return the best eligible trial; with several objectives, the Pareto front, in their order.

    Of trials with equal values only the first is on the front, like the first of equal best ones: a
    later one improves nothing.

    Args:
        values: returns an eligible trial's values of all objectives.
    """
    eligible = [trial for trial in trials if trial.is_eligible]
    if len(directions) == 1:
        return best_first(eligible, lambda trial: values(trial)[0], directions[0])[:1]
    from besom.search.objective import rank  # Optuna, which many readers of this module do without

    first: dict[tuple[float, ...], T] = {}
    for trial in eligible:
        first.setdefault(tuple(values(trial)), trial)
    ranks = rank([*first], directions)
    return [trial for trial, place in zip(first.values(), ranks, strict=True) if place == 0]


def number_of(text: Any) -> int | None:
    """Return the 5 of ``best 5``; None if the text does not have that form, or says 0."""
    found = _BEST.fullmatch(text.strip()) if isinstance(text, str) else None
    return int(found[1]) if found else None


def models_kept(given: Any, option: str = "hydra.sweeper.keep_models") -> int | None:
    """Return the number of trials whose models are kept; None for all.

    Args:
        option: the option that had the value, with which an error begins.

    Raises:
        ConfigError: the value is neither ``all``, ``best N`` nor ``none``.
    """
    if given in ("all", None):
        return None
    if given == "none":
        return 0
    if (number := number_of(given)) is None:
        raise ConfigError(f"{option}={given}: take all, none, or best N with N above 0.")
    return number
