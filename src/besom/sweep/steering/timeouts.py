"""The time limits of a job: in all, and without a report."""

from dataclasses import dataclass

from besom.sweep.jobs import Job


@dataclass(frozen=True)
class Timeouts:
    """Limits in seconds, or None for no limit.

    Attributes:
        trial_timeout: from a job's assignment to its outcome.
        hang_timeout: from one message of its worker to the next.
    """

    trial_timeout: float | None = None
    hang_timeout: float | None = None

    def too_long(self, job: Job, now: float) -> str:
        """Return why a job must not go on, as the end of a sentence; empty if it may."""
        if self.trial_timeout is not None and now - job.assigned_at > self.trial_timeout:
            return f"took longer than hydra.sweeper.trial_timeout={self.trial_timeout:g} s"
        return ""

    def too_quiet(self, job: Job, now: float) -> str:
        """Return why a worker seems to hang, as the end of a sentence; empty if it does not."""
        if self.hang_timeout is not None and now - job.heard_at > self.hang_timeout:
            return f"said nothing for hydra.sweeper.hang_timeout={self.hang_timeout:g} s"
        return ""
