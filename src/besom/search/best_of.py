"""``best 5``: the options ``enqueue`` and ``keep_models`` and a flag of ``besom clean`` say it."""

import re
from typing import Any

from besom.common.errors import ConfigError

_BEST = re.compile(r"best\s+([1-9]\d*)", re.IGNORECASE)


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
