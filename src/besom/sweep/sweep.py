"""A sweep that is under way."""

from dataclasses import dataclass

from besom.search.study import Study
from besom.sweep.plan import Plan
from besom.tracking.record import Record


@dataclass(frozen=True)
class Sweep:
    """What was asked for, and the two places where what comes of it is kept.

    Attributes:
        parent_run: the sweep's own run, whose children are the runs of its trials.
    """

    plan: Plan
    study: Study
    record: Record
    parent_run: str
