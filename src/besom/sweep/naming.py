"""Names and tags under which a sweep's runs stand alone in a long list."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from besom.common.states import State
from besom.common.text import printable, show
from besom.search.trial_row import TrialRow
from besom.sweep.confirmation.store import Confirmation
from besom.tracking import schema


def run_name(study: str, row: TrialRow) -> str:
    """``neighbourhood/017 units=64 max_length=200``."""
    return f"{study}/{row.number:03d} {what_of(row)}"


def title(row: TrialRow) -> str:
    """``trial  17  units=64 max_length=200``, beside a bar."""
    return printable(f"trial {row.number:3d}  {what_of(row)}")


def what_of(row: TrialRow) -> str:
    """What sets a trial apart: ``baseline``, or its parameters."""
    return "baseline" if is_baseline(row) else short(row.params)


def short(params: Mapping[str, Any]) -> str:
    """Parameters under the last part of their names: ``units=64 max_length=200``."""
    return " ".join(f"{name}={show(params[key])}" for key, name in distinct(params).items())


def distinct(keys: Iterable[str]) -> dict[str, str]:
    """The last part of each key, and of those that share it as much as tells them apart. The place
    in a list is no name by itself: ``layers.0``."""
    # What follows a dot in a group's package is no name of its own.
    parts = {key: [key] if "@" in key else key.split(".") for key in keys}
    least = {key: _first_word(path) for key, path in parts.items()}
    names = {key: ".".join(path[-least[key] :]) for key, path in parts.items()}
    for length in range(2, max(map(len, parts.values()), default=0) + 1):
        counts = Counter(names.values())
        for key, path in parts.items():
            if counts[names[key]] > 1:
                names[key] = ".".join(path[-max(length, least[key]) :])
    return names


def _first_word(path: Sequence[str]) -> int:
    """How many parts from the end there are up to one that is no number."""
    words = (place for place, part in enumerate(reversed(path), 1) if not part.isdigit())
    return next(words, len(path))


def role_of(row: TrialRow, baseline_params: Mapping[str, Any] | None) -> str:
    """``baseline`` where it is the baseline, else ``trial``; to be asked until there is one."""
    is_it = row.outside is not None or row.params == baseline_params
    return "baseline" if is_it else "trial"


def is_baseline(row: TrialRow) -> bool:
    """Whether it is the baseline of today's code."""
    return row.counts and row.role == "baseline"


def run_tags(study: str, row: TrialRow, attempt: int, worker: int | None) -> dict[str, str]:
    """What ties a run to its trial, and to the worker that trains it, where one does."""
    tags = {
        schema.STUDY: study,
        schema.TRIAL: str(row.number),
        schema.ATTEMPT: str(attempt),
        schema.STATE: State.RUNNING,
        schema.ROLE: row.notes["role"],
    }
    return tags if worker is None else tags | {schema.WORKER: str(worker)}


def confirmation_tags(study: str, confirmation: Confirmation, worker: int) -> dict[str, str]:
    """What ties a run to the trial that it confirms."""
    return {
        schema.STUDY: study,
        schema.CONFIRMS: str(confirmation.trial),
        schema.SEED: str(confirmation.seed),
        schema.SETTING: confirmation.setting,
        schema.ATTEMPT: str(confirmation.attempt),
        schema.STATE: State.RUNNING,
        schema.ROLE: schema.Role.CONFIRMATION,
        schema.WORKER: str(worker),
    }
