"""Reads all data of a report from the record at once."""

import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from besom.common.errors import StudyError
from besom.common.flatten import doubled
from besom.common.interpreter import uncollected
from besom.results.report.figures.base import Scale
from besom.results.studies import ENDED, StudyRecord, Trial, read_study
from besom.search.importance import importances, searched_on_log
from besom.search.ranking import best_first
from besom.tracking import schema
from besom.tracking.reader import Point, Reader, ReadRun

SHOWN = 1000
"""The largest number of trials in a figure. A browser draws that many quickly, and more would not
be distinguishable."""
MANY_TEXTS = 20
"""A text parameter with more different values is taken for a name or a path, not for a choice."""


@dataclass(frozen=True)
class DirectedMetric:
    """A metric with its direction, such as an objective."""

    name: str
    direction: str

    @property
    def sign(self) -> int:
        """The factor that turns the metric into one to minimise."""
        return -1 if self.direction == "maximize" else 1


@dataclass(frozen=True)
class ReportData:
    """A study with all data of its report.

    Attributes:
        points: the points of all metrics, by run.
        verdict: ``verdict.json``; empty if there is no verdict.
        reader: reads the text artifacts that only some sections need.
        n_left_out: the number of trials of other source code, which the report leaves out.
    """

    study: StudyRecord
    points: Mapping[str, Sequence[Point]]
    verdict: Mapping[str, Any]
    reader: Reader
    n_left_out: int = 0

    @property
    def runs(self) -> Sequence[ReadRun]:
        return self.study.runs

    @cached_property
    def objectives(self) -> list[DirectedMetric]:
        pairs = zip(self.study.objectives, self.study.directions, strict=True)
        return [DirectedMetric(name, direction) for name, direction in pairs]

    def value(self, trial: Trial, objective: DirectedMetric | None = None) -> float | None:
        """Return a trial's value, or last report, of an objective; None if there is none."""
        value = trial.metrics.get((objective or self.objectives[0]).name)
        return None if value is None or not math.isfinite(value) else value

    @cached_property
    def complete(self) -> list[Trial]:
        """The complete trials with finite values of all objectives, by number."""
        return [
            trial
            for trial in self.study.complete
            if all(self.value(trial, objective) is not None for objective in self.objectives)
        ]

    @cached_property
    def complete_numbers(self) -> set[int | None]:
        return {trial.number for trial in self.complete}

    @cached_property
    def ranked(self) -> list[Trial]:
        """The eligible trials, ranked by the first objective."""
        return best_first(self.eligible, self.value, self.objectives[0].direction)

    @cached_property
    def eligible(self) -> list[Trial]:
        """The complete trials that satisfy the constraints, by number."""
        return [trial for trial in self.complete if trial.is_eligible]

    @cached_property
    def infeasible(self) -> list[Trial]:
        """The complete trials that violate the constraints, by number."""
        return [trial for trial in self.complete if not trial.is_eligible]

    @property
    def baseline(self) -> Trial | None:
        return self.study.baseline

    @cached_property
    def best(self) -> Trial | None:
        """The confirmed trial, else the best of one run each; None with several objectives.

        If the verdict's winner is the baseline, this is the trial that was compared with it.
        """
        if len(self.objectives) > 1:
            return None
        chosen = self.verdict.get("challenger", self.study.winner)
        named = [t for t in self.study.trials if t.number == chosen and not t.infeasible]
        return next(iter([*named, *self.ranked]), None)

    @cached_property
    def shown(self) -> list[Trial]:
        """The trials to draw: all, or an even selection with the best and the baseline."""
        step = max(1, math.ceil(len(self.study.trials) / SHOWN))
        kept = (self.best, self.baseline)
        return [t for n, t in enumerate(self.study.trials) if n % step == 0 or t in kept]

    @cached_property
    def scales(self) -> list[Scale]:
        """The axes of the parameters in which trials differ, in the order of the search space."""
        trials = self.study.trials
        keys = dict.fromkeys(
            [*self.expressions, *sorted({key for t in trials for key in t.params})]
        )
        left_out = doubled(trial.params for trial in trials)
        scales = (
            Scale.of(
                key,
                [trial.params[key] for trial in trials if key in trial.params],
                searched_on_log(key, self.expressions.get(key)),
            )
            for key in keys
            if key not in left_out
        )
        return [scale for scale in scales if scale.differs and len(scale.choices) <= MANY_TEXTS]

    @cached_property
    def shares(self) -> dict[str, float]:
        """The importances of parameters, the largest first; empty if there are too few trials."""
        keys = [scale.key for scale in self.scales]
        return importances(
            [{key: t.params[key] for key in keys if key in t.params} for t in self.complete],
            [[self.value(t, o) or 0.0 for o in self.objectives] for t in self.complete],
            [objective.direction for objective in self.objectives],
            self.expressions,
        )

    @cached_property
    def by_importance(self) -> list[Scale]:
        """The axes of the parameters, the most important first."""
        return sorted(self.scales, key=lambda scale: -self.shares.get(scale.key, 0.0))

    @property
    def expressions(self) -> dict[str, str]:
        """The search space as it was written: ``{"model.units": "range(8,65,step=8)"}``."""
        found = schema.searched(self.study.parent.params)
        names = schema.parameter_names(self.study.parent.tags)
        return {names.get(key, key): text for key, text in found.items()}

    @cached_property
    def n_states(self) -> Counter[str]:
        return Counter(trial.state for trial in self.study.trials)

    def name(self, trial: Trial) -> str:
        """Return a trial's name: ``trial 17``, or ``trial 0, the baseline``."""
        role = ", the baseline" if trial.role == "baseline" else ""
        return f"trial {trial.name}{role}"


def read_report_data(reader: Reader, study_name: str) -> ReportData:
    """Read a study with all data of its report.

    Raises:
        StudyError: there is no such study, or none of its trials has ended.
    """
    with uncollected():
        study = read_study(reader, study_name)
        counting = [trial for trial in study.trials if trial.counts]
        n_left_out = len(study.trials) - len(counting)
        study = replace(study, trials=counting)
        if not any(trial.state in ENDED for trial in study.trials):
            raise StudyError(
                f"study {study_name} has no finished trial to report on; the sweep's own command "
                "goes on with it"
            )
        points = _by_run(reader.points([run.run_id for run in study.runs]))
    document = reader.text(study.parent.run_id, schema.VERDICT_FILE) if study.verdict else None
    return ReportData(study, points, json.loads(document or "{}"), reader, n_left_out)


def _by_run(points: Iterable[Point]) -> dict[str, list[Point]]:
    found: dict[str, list[Point]] = defaultdict(list)
    for point in points:
        found[point.run_id].append(point)
    return found
