"""Ends a sweep when too many of its trials fail."""

from collections.abc import Sequence

from besom.common.errors import SweepFailed
from besom.search.options import SweepOptions
from besom.search.trial_row import TrialRow


def too_many_failed(n_failed: int, options: SweepOptions, rows: Sequence[TrialRow]) -> SweepFailed:
    """Return the error that more trials have failed than ``max_failure_rate`` allows."""
    last = [row for row in rows if row.state == "failed"][-1]
    error = last.notes.get("error", "no reason known")
    return SweepFailed(
        f"{n_failed} of {options.n_trials} trials failed, more than "
        f"hydra.sweeper.max_failure_rate={options.max_failure_rate} allows. The last, trial "
        f"{last.number}: {error}",
        last.notes.get("traceback", ""),
    )


def none_but_failed(rows: Sequence[TrialRow]) -> SweepFailed | None:
    """Return the error of a finished study in which all trials failed; None if one did not."""
    counted = [row for row in rows if row.counts]
    if not counted or any(row.state != "failed" for row in counted):
        return None
    return SweepFailed(
        f"all {len(counted)} trials failed, as the lines above say; there is no best"
    )
