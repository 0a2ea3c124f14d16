"""A sweep that is under way."""

from dataclasses import dataclass

from besom.source import code_of
from besom.sweeping.plan import Plan
from besom.sweeping.study import Study
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

    @property
    def code(self) -> str:
        """Of the application, as it is today."""
        return code_of(self.plan.application.task)

    def reuses(self, code: str) -> bool:
        """Whether values count as today's that ``code`` has made; a Besom of before noted none."""
        if not code or code == self.code:
            return True
        return self.plan.options.duplicates == "reuse_any_code"

    def of_other_code(self) -> str:
        """A sentence about the trials that other code has made; empty where there are none."""
        ended = [row for row in self.study.rows() if row.state != "running"]
        n_other = sum(row.notes.get("code", self.code) not in ("", self.code) for row in ended)
        if not n_other:
            return ""
        line = f"{n_other} of {len(ended)} trials were made by other source code than today's"
        if self.plan.options.duplicates != "reuse":
            return f"{line}."
        return f"{line}; their values are not reused (hydra.sweeper.duplicates=reuse_any_code)."
