"""An Optuna trial as a sweep reads it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import inf
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from besom.common.flatten import short_text
from besom.common.states import State
from besom.search.constraints import NONE, Constraints

PREFIX = "besom."
"""The prefix of the attributes under which Besom keeps facts with a trial or a study."""
OWN = f"{PREFIX}own"
"""The attribute of every trial that Besom has made, set when the trial is created."""
ENQUEUED = f"{PREFIX}enqueued"
"""The attribute of a trial with a point of the user's: that point (JSON)."""
IMPORTED = "warm_start"
"""The attribute of a trial imported from another study: that study, and the trial's number there.
Like a trial of another program, it does not belong to the sweep."""
INFEASIBLE = "infeasible"
"""The key in the attribute ``IMPORTED`` of a trial that its own study's constraints forbid. No
sampler is shown this: they compare the violations of equal constraints only."""
MEASURED = "measured"
"""The note with a trial's constrained metrics, by name."""
EARLIER = "earlier_numbers"
"""The fact of a study with metrics of trials that ended before they were constrained: by trial
number, as text, and by name. They count like those of ``MEASURED``."""
RESOLVED = "resolved"
"""The note with the values that resolvers returned for a trial, by key: numbers as they are, and
text as digests. The study keeps those of the baseline under the same name."""
FIXED = "fixed_params"
"""The attribute under which Optuna keeps the values of an enqueued point."""
STATES = {
    State.COMPLETE: TrialState.COMPLETE,
    State.PRUNED: TrialState.PRUNED,
    State.FAILED: TrialState.FAIL,
}
"""Optuna's name for each state in which a trial ends."""
_NAMES = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
    TrialState.WAITING: "waiting",
}


@dataclass(frozen=True)
class TrialRow:
    """A trial: its proposal and its result.

    Attributes:
        notes: facts that Besom keeps: ``run_id``, ``attempt``, ``deaths``, ``seconds``, ``error``.
        counts: false if other source code than today's has made it; see fingerprint.py.
        ended_at: in seconds since 1970; infinite if it has not ended.
        infeasible: the constraints of the sweep that it violates; empty if it violates none.
    """

    number: int
    params: Mapping[str, Any]
    state: str
    values: tuple[float, ...]
    notes: Mapping[str, Any]
    counts: bool = True
    ended_at: float = field(default=inf, compare=False)  # each storage has a clock of its own
    infeasible: str = ""

    @classmethod
    def of(cls, trial: FrozenTrial, counts: bool, constraints: Constraints = NONE) -> "TrialRow":
        notes = {
            key.removeprefix(PREFIX): value
            for key, value in trial.user_attrs.items()
            if key.startswith(PREFIX) and key != OWN
        }
        values = tuple(trial.values or ())
        ended_at = trial.datetime_complete.timestamp() if trial.datetime_complete else inf
        state = _NAMES[trial.state]
        why = constraints.why_infeasible(notes.get(MEASURED, {}), state == "complete")
        return cls(trial.number, trial.params, state, values, notes, counts, ended_at, why)

    @property
    def is_eligible(self) -> bool:
        """Whether the trial may be the best."""
        return self.state == "complete" and self.counts and not self.infeasible

    @property
    def code(self) -> str:
        """The source that made it, as :attr:`besom.app.source.Source.text`; empty if not noted."""
        return str(self.notes.get("code", ""))

    @property
    def role(self) -> str:
        """``baseline`` or ``trial``; empty until the proposal is complete."""
        return str(self.notes.get("role", ""))

    @property
    def is_baseline(self) -> bool:
        """Whether the trial is the baseline of today's code."""
        return self.counts and self.role == "baseline"

    @cached_property
    def label(self) -> str:
        """A label for people: ``baseline``, or the parameters, ``units=64 max_length=200``."""
        return "baseline" if self.is_baseline else short_text(self.params)

    @property
    def outside(self) -> Mapping[str, Any] | None:
        """The values of the searched keys, if it is a baseline outside the space; else None."""
        return self.notes.get("outside")

    @property
    def shown(self) -> Mapping[str, Any]:
        """The values of the searched keys, for people to read."""
        return self.params if self.outside is None else self.outside


def is_own(trial: FrozenTrial) -> bool:
    """Return whether Besom runs the trial, even if another program has enqueued its point."""
    return any(key.startswith(PREFIX) for key in trial.user_attrs)


def is_violated(trial: FrozenTrial) -> bool:
    """Return whether a trial, as the study shows it, violates a constraint; also one of the study
    from which it was imported."""
    is_marked = INFEASIBLE in trial.user_attrs.get(IMPORTED, {})
    return is_marked or any(violation > 0 for violation in trial.constraints.values())


def is_no_rival(trial: FrozenTrial) -> bool:
    """Return whether no other trial may be pruned because this one has better reports.

    That is so of an imported trial, whose reports are of other steps, and of one that has ended and
    violates a constraint. Whether a running trial violates one is not known yet.
    """
    return IMPORTED in trial.user_attrs or (trial.state.is_finished() and is_violated(trial))
