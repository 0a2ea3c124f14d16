"""Records of other studies' trials, before and after their translation. Loads nothing heavy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from optuna.distributions import BaseDistribution

from besom.search.constraints import Constraints


@dataclass(frozen=True)
class SourceTrial:
    """A finished trial of another study.

    Attributes:
        params: what was proposed, or what a baseline outside its space had of that.
        last_report: step and value, of one that was pruned.
        measured: what its study constrained of it.
        code: which source has made it, see :attr:`TrialRow.code`.
        resolved: what resolvers have returned for it, as far as that is known.
    """

    number: int
    params: Mapping[str, Any]
    values: tuple[float, ...]
    last_report: tuple[int, float] | None = None
    code: str = ""
    measured: Mapping[str, float] = field(default_factory=dict)
    resolved: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class SourceStudy:
    """Another study.

    Attributes:
        name: as it was written, without a password.
        is_ours: whether Besom made it.
        facts: the fingerprint that it was begun with; none where Besom did not make it.
        fixed: its configuration then, less what it searched and what resolvers return.
    """

    name: str
    trials: Sequence[SourceTrial]
    is_ours: bool
    fixed: Mapping[str, Any]
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Transferred:
    """A trial of another study, as one of this space.

    Attributes:
        source: the study's name, as it was written.
        assumed: the parameters that have the baseline's value, since the trial's own is not known.
    """

    source: str
    trial: SourceTrial
    params: Mapping[str, Any]
    distributions: Mapping[str, BaseDistribution]
    assumed: Sequence[str] = ()


@dataclass(frozen=True)
class WarmStart:
    """From what a study learns before its first trial.

    Attributes:
        sources: the studies as they were written, without passwords.
        trials: of them; empty where the study has them already, and they are not read again.
        n_best: how many of the best are tried first.
        remarks: what to show of it before the first trial.
        facts: by source the fingerprint that it was begun with, where ``trials`` are of it.
        unread: why they could not be read again, where the study has had them.
    """

    sources: Sequence[str] = ()
    trials: Sequence[Transferred] = ()
    n_best: int = 0
    remarks: Sequence[str] = ()
    facts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    unread: str = ""

    def n_first(self, constraints: Constraints, baseline: Mapping[str, Any] | None) -> int | None:
        """How many of the best are tried first, beside the baseline; None where ``trials`` are not
        read, so that it is not known."""
        if not self.trials:
            return None
        points = {
            frozenset(one.params.items())
            for one in self.trials
            if one.trial.values and not constraints.why_infeasible(one.trial.measured, False)
        }
        return min(self.n_best, len(points - {frozenset((baseline or {}).items())}))
