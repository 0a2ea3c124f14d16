"""A configuration trained once more, on another seed, as the study remembers it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from besom.sweeping.study import Study


@dataclass(frozen=True)
class Confirmation:
    """The last attempt at it.

    Attributes:
        trial: whose configuration.
        state: ``open`` until it has ended, then ``complete`` or ``failed``.
        value: the metric that is judged, where complete.
        deaths: workers that died of it.
    """

    trial: int
    seed: int
    attempt: int
    run_id: str = ""
    state: str = "open"
    value: float | None = None
    deaths: int = 0
    error: str = ""

    @property
    def name(self) -> str:
        """``017 seed=3``."""
        return f"{self.trial:03d} seed={self.seed}"


def recall(study: Study, trial: int, seed: int) -> Confirmation | None:
    """What is known of it; None before its first attempt."""
    kept: Mapping[str, Any] | None = study.recall(_key(trial, seed))
    return Confirmation(**kept) if kept else None


def remember(study: Study, confirmation: Confirmation) -> None:
    """Commit what is known of it now."""
    study.remember(_key(confirmation.trial, confirmation.seed), asdict(confirmation))


def _key(trial: int, seed: int) -> str:
    return f"confirmation.{trial}.{seed}"
