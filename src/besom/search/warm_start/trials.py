"""Dataclasses for trials of other studies, before and after translation. Importing it is cheap."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from optuna.distributions import BaseDistribution

from besom.search.constraints import Constraints


@dataclass(frozen=True)
class SourceTrial:
    """A finished trial of another study.

    Attributes:
        params: the proposal, or the values of a baseline outside its space.
        last_report: step and value of the last report, if the trial was pruned.
        measured: the metrics that its study constrained.
        code: the source that made it; see :attr:`besom.search.trial_row.TrialRow.code`.
        resolved: the values that resolvers returned for it, as far as they are known.
        is_infeasible: whether it violates a constraint of a study that Besom did not make. Besom's
            own studies have ``measured``, by which this study judges instead.
    """

    number: int
    params: Mapping[str, Any]
    values: tuple[float, ...]
    last_report: tuple[int, float] | None = None
    code: str = ""
    measured: Mapping[str, float] = field(default_factory=dict)
    resolved: Mapping[str, Any] = field(default_factory=dict)
    is_infeasible: bool = False


@dataclass(frozen=True)
class SourceStudy:
    """Another study.

    Attributes:
        name: its name as it was written, without a password.
        is_ours: whether Besom made it.
        facts: the fingerprint that it was begun with; empty if Besom did not make it.
        fixed: its configuration, without the searched keys and what resolvers return.
    """

    name: str
    trials: Sequence[SourceTrial]
    is_ours: bool
    fixed: Mapping[str, Any]
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Transferred:
    """A trial of another study, translated to this space.

    Attributes:
        source: the name of the other study, as it was written.
        assumed: parameters that have the baseline's value, since the trial's own is not known.
    """

    source: str
    trial: SourceTrial
    params: Mapping[str, Any]
    distributions: Mapping[str, BaseDistribution]
    assumed: Sequence[str] = ()


@dataclass(frozen=True)
class WarmStart:
    """The trials from which a study learns before its own first trial.

    Attributes:
        sources: the names of the studies as they were written, without passwords.
        trials: their trials; empty if the study has them already and they are not read again.
        n_best: how many of the best of them are tried first.
        remarks: sentences to show before the first trial.
        facts: by source, the fingerprint that it was begun with, if ``trials`` were read.
        unread: why they could not be read again, if the study has imported them before.
    """

    sources: Sequence[str] = ()
    trials: Sequence[Transferred] = ()
    n_best: int = 0
    remarks: Sequence[str] = ()
    facts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    unread: str = ""

    def n_first(self, constraints: Constraints, baseline: Mapping[str, Any] | None) -> int | None:
        """Return how many of the best are tried first, besides the baseline.

        It is None if ``trials`` were not read, so that it is not known.
        """
        if not self.trials:
            return None
        points = {
            frozenset(one.params.items())
            for one in self.trials
            if one.trial.values and not one.trial.is_infeasible
            if not constraints.why_infeasible(one.trial.measured, False)
        }
        return min(self.n_best, len(points - {frozenset((baseline or {}).items())}))
