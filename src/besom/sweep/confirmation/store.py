"""A configuration trained once more, on another seed, as the study remembers it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from besom.search.study import Study

_PREFIX = "confirmation"


@dataclass(frozen=True)
class Confirmation:
    """The last attempt at it.

    Attributes:
        trial: whose configuration.
        state: ``open`` until it has ended, then ``complete`` or ``failed``.
        setting: what else it was trained with, see
            :func:`besom.sweep.confirmation.seeds.setting`; empty where a Besom of before,
            which did not say, has kept it.
        values: all numbers that the task returned, so that another of them can be judged later.
        value: the one that was judged, where complete; ``metric`` is its name.
        deaths: workers that died of it.
        code: that trained it; empty where a Besom of before has kept it.
    """

    trial: int
    seed: int
    attempt: int
    run_id: str = ""
    state: str = "open"
    setting: str = ""
    metric: str = ""
    values: Mapping[str, float] = field(default_factory=dict)
    value: float | None = None
    deaths: int = 0
    error: str = ""
    code: str = ""

    @property
    def name(self) -> str:
        """``017 seed=3``."""
        return f"{self.trial:03d} seed={self.seed}"


def recall(study: Study, trial: int, seed: int, setting: str | None = None) -> Confirmation | None:
    """What is known of it; None before its first attempt.

    Args:
        setting: of which one; None for the one that was begun last, whatever its setting.
    """
    last = _read(study, _key(trial, seed))
    if last is None or setting is None or last.setting == setting:
        return last
    return _read(study, _key_aside(trial, seed, setting))


def recall_all(study: Study) -> list[Confirmation]:
    """The last attempt at each confirmation of a study, of whatever setting."""
    return [Confirmation(**kept) for kept in study.recall_all(f"{_PREFIX}.")]


def remember(study: Study, confirmation: Confirmation) -> None:
    """Commit what is known of it now; one of another setting is set aside, not lost."""
    trial, seed = confirmation.trial, confirmation.seed
    last = recall(study, trial, seed)
    if last and last.setting and last.setting != confirmation.setting:
        study.remember(_key_aside(trial, seed, last.setting), asdict(last))
    study.remember(_key(trial, seed), asdict(confirmation))


def _read(study: Study, key: str) -> Confirmation | None:
    kept: Mapping[str, Any] | None = study.recall(key)
    return Confirmation(**kept) if kept else None


def _key(trial: int, seed: int) -> str:
    return f"{_PREFIX}.{trial}.{seed}"


def _key_aside(trial: int, seed: int, setting: str) -> str:
    return f"{_key(trial, seed)}.{setting}"
