"""Names and tags under which a sweep's runs stand alone in a long list."""

from collections.abc import Mapping
from typing import Any

from besom.sweeping.study import TrialRow


def run_name(study: str, row: TrialRow) -> str:
    """``neighbourhood/017 units=64 max_length=200``."""
    head = f"{study}/{row.number:03d}"
    if is_baseline(row):
        return f"{head} baseline"
    return f"{head} {short(row.params)}"


def short(params: Mapping[str, Any]) -> str:
    """Parameters under the last part of their names: ``units=64 max_length=200``."""
    return " ".join(f"{key.rpartition('.')[2]}={show(value)}" for key, value in params.items())


def show(value: Any) -> str:
    """A number with the digits that people read; all else as it is."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def role_of(row: TrialRow, baseline_params: Mapping[str, Any] | None) -> str:
    """``baseline`` for trial 0 where it is the baseline, else ``trial``."""
    return "baseline" if row.number == 0 and row.params == baseline_params else "trial"


def is_baseline(row: TrialRow) -> bool:
    return row.notes.get("role") == "baseline"


def run_tags(study: str, row: TrialRow, attempt: int) -> dict[str, str]:
    """What ties a run to its trial."""
    return {
        "besom.study": study,
        "besom.trial": str(row.number),
        "besom.attempt": str(attempt),
        "besom.state": "running",
        "besom.role": row.notes["role"],
    }
