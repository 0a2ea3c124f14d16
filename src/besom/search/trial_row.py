"""An Optuna trial as the sweep reads it."""

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
"""Of the attributes under which Besom keeps facts with a trial or a study."""
OWN = f"{PREFIX}own"
"""What every trial bears from its first moment on that this program has made."""
ENQUEUED = f"{PREFIX}enqueued"
"""What a trial bears whose point the user has given: that point (JSON)."""
IMPORTED = "warm_start"
"""What a trial bears that was taken over from another study: from which, and its number there. It
is none of ours, as those of other programs are not."""
MEASURED = "measured"
"""The note with a trial's numbers that are constrained, by metric."""
RESOLVED = "resolved"
"""The note with what resolvers have returned for a trial, by key: numbers as they are, and texts as
digests. Also what is kept of the baseline's with the study."""
FIXED = "fixed_params"
"""The attribute under which Optuna keeps the values of a point that was enqueued."""
STATES = {
    State.COMPLETE: TrialState.COMPLETE,
    State.PRUNED: TrialState.PRUNED,
    State.FAILED: TrialState.FAIL,
}
"""How a trial has ended, as Optuna calls it."""
_NAMES = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
    TrialState.WAITING: "waiting",
}


@dataclass(frozen=True)
class TrialRow:
    """A trial: what was proposed, and what came of it.

    Attributes:
        notes: Besom's own: ``run_id``, ``attempt``, ``deaths``, ``seconds``, ``error``.
        counts: false where other source code than today's has made it; see fingerprint.py.
        ended_at: in seconds since 1970; infinite where it has not ended.
        infeasible: which of the sweep's constraints it does not keep to; empty where it does.
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
        """Whether it may be the best."""
        return self.state == "complete" and self.counts and not self.infeasible

    @property
    def code(self) -> str:
        """Which source made it, as :attr:`besom.app.source.Source.text`; empty where not noted."""
        return str(self.notes.get("code", ""))

    @property
    def role(self) -> str:
        """``baseline`` or ``trial``; empty until it is asked for to the end."""
        return str(self.notes.get("role", ""))

    @property
    def is_baseline(self) -> bool:
        """Whether it is the baseline of today's code."""
        return self.counts and self.role == "baseline"

    @cached_property
    def label(self) -> str:
        """What sets it apart: ``baseline``, or its parameters, ``units=64 max_length=200``."""
        return "baseline" if self.is_baseline else short_text(self.params)

    @property
    def outside(self) -> Mapping[str, Any] | None:
        """Its values of what is searched, where it is a baseline outside the space."""
        return self.notes.get("outside")

    @property
    def shown(self) -> Mapping[str, Any]:
        """Its values of what is searched, to be read."""
        return self.params if self.outside is None else self.outside


def is_own(trial: FrozenTrial) -> bool:
    """Whether Besom runs it, also where another program has enqueued its point."""
    return any(key.startswith(PREFIX) for key in trial.user_attrs)
