"""Reads all data of a report from the record, once."""

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
"""Trials that are drawn. A browser draws as many in a blink, and an eye tells no more apart."""
SPACE = "space."
MANY_TEXTS = 20
"""A text with more different values than this is a name or a path, not a choice."""


@dataclass(frozen=True)
class DirectedMetric:
    """One of the objectives: a metric, and whether more of it is better."""

    name: str
    direction: str

    @property
    def sign(self) -> int:
        """What makes less of it better."""
        return -1 if self.direction == "maximize" else 1


@dataclass(frozen=True)
class ReportData:
    """A study and what belongs to it.

    Attributes:
        points: the metrics by run, each by its steps.
        verdict: ``verdict.json``; empty where none has been reached.
        reader: for the texts that only some sections want.
        n_left_out: trials that other source code has made; the report is of the others.
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
        """An objective of a trial, or the last that was reported; None where it is no number."""
        value = trial.metrics.get((objective or self.objectives[0]).name)
        return None if value is None or not math.isfinite(value) else value

    @cached_property
    def complete(self) -> list[Trial]:
        """The complete trials whose objectives are numbers, by number."""
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
        """The eligible trials by the first objective, the best first."""
        return best_first(self.eligible, self.value, self.objectives[0].direction)

    @cached_property
    def eligible(self) -> list[Trial]:
        """Those of the complete trials that keep to the constraints, by number."""
        return [trial for trial in self.complete if trial.is_eligible]

    @cached_property
    def infeasible(self) -> list[Trial]:
        """The others of them."""
        return [trial for trial in self.complete if not trial.is_eligible]

    @property
    def baseline(self) -> Trial | None:
        return self.study.baseline

    @cached_property
    def best(self) -> Trial | None:
        """What the confirmation chose, else the best of one run each; None with several objectives.

        The verdict's winner may be the baseline; then it is the one that came next.
        """
        if len(self.objectives) > 1:
            return None
        chosen = self.verdict.get("challenger", self.study.winner)
        named = [t for t in self.study.trials if t.number == chosen and not t.infeasible]
        return next(iter([*named, *self.ranked]), None)

    @cached_property
    def shown(self) -> list[Trial]:
        """The trials that are drawn: all, or an even selection with the best and the baseline."""
        step = max(1, math.ceil(len(self.study.trials) / SHOWN))
        kept = (self.best, self.baseline)
        return [t for n, t in enumerate(self.study.trials) if n % step == 0 or t in kept]

    @cached_property
    def scales(self) -> list[Scale]:
        """The parameters in which trials differ, in the order of the search space."""
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
        """The importances of parameters, the largest first; empty where too few trials tell."""
        keys = [scale.key for scale in self.scales]
        return importances(
            [{key: t.params[key] for key in keys if key in t.params} for t in self.complete],
            [[self.value(t, o) or 0.0 for o in self.objectives] for t in self.complete],
            [objective.direction for objective in self.objectives],
            self.expressions,
        )

    @cached_property
    def by_importance(self) -> list[Scale]:
        """The parameters, what decides most first."""
        return sorted(self.scales, key=lambda scale: -self.shares.get(scale.key, 0.0))

    @property
    def expressions(self) -> dict[str, str]:
        """What was searched, as it was written: ``{"model.units": "range(8,65,step=8)"}``."""
        params = self.study.parent.params
        found = {k.removeprefix(SPACE): text for k, text in params.items() if k.startswith(SPACE)}
        names = schema.parameter_names(self.study.parent.tags)
        return {names.get(key, key): text for key, text in found.items()}

    @cached_property
    def n_states(self) -> Counter[str]:
        return Counter(trial.state for trial in self.study.trials)

    def name(self, trial: Trial) -> str:
        """``trial 17``, or ``trial 0, the baseline``."""
        role = ", the baseline" if trial.role == "baseline" else ""
        return f"trial {trial.name}{role}"


def read_report_data(reader: Reader, study_name: str) -> ReportData:
    """Read a study with everything that belongs to it.

    Raises:
        StudyError: there is no such study, or no trial of it has ended.
    """
    with uncollected():
        study = read_study(reader, study_name)
        counting = [trial for trial in study.trials if trial.counts]
        n_left_out = len(study.trials) - len(counting)
        study = replace(study, trials=counting)
        if not any(trial.state in ENDED for trial in study.trials):
            raise StudyError(
                f"study {study_name} has no finished trial to report on; "
                f"`besom sweep {study_name}` goes on with it"
            )
        points = _by_run(reader.points([run.run_id for run in study.runs]))
    document = reader.text(study.parent.run_id, schema.VERDICT_FILE) if study.verdict else None
    return ReportData(study, points, json.loads(document or "{}"), reader, n_left_out)


def _by_run(points: Iterable[Point]) -> dict[str, list[Point]]:
    found: dict[str, list[Point]] = defaultdict(list)
    for point in points:
        found[point.run_id].append(point)
    return found
