"""Builds a study's view on MLflow's pages: its trials sorted by the objective, and charts of them.

MLflow keeps a view as a tag of the experiment. Its frontend reads the view that the address names
(``useSharedExperimentViewState.ts`` of MLflow 3), and lists the views that have a name
(``savedViewEnvelope.ts`` of MLflow 3.17).
"""

import base64
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol
from urllib.parse import quote, urlencode

from besom.tracking import schema

MOST_COLUMNS, MOST_AXES = 30, 12
"""The most columns, and the most axes for parameters; the rest can be chosen in menus."""
NAME, CREATED, DURATION = (f"attributes.`{name}`" for name in ("Run Name", "Created", "Duration"))
"""The columns that MLflow always shows."""
NAME_WIDTH, LEAST_WIDTH, CARD_HEIGHT = 220, 104, 290
"""Pixels."""
SECTION = "besom"
MODEL_METRICS, SYSTEM_METRICS = "Model metrics", "System metrics"
"""The sections that MLflow expects last among the charts."""


class Bound(Protocol):
    """A constraint: a metric, how it compares, and with which number."""

    @property
    def metric(self) -> str: ...
    @property
    def comparison(self) -> str: ...
    @property
    def bound(self) -> float: ...


@dataclass(frozen=True)
class StudyView:
    """The contents of a study's view. All names are given in the form in which MLflow keeps them.

    Attributes:
        objectives: the metrics that are the objectives; the trials are sorted by the first.
        directions: ``maximize`` or ``minimize`` for each objective.
        params: the parameters that are searched.
        metrics: the trials' other metrics.
        bounds: metric, comparison and number of each constraint. Trials that break one, or have not
            reported its metric yet, are not shown: the first trial in order would be taken for the
            best.
    """

    study: str
    objectives: Sequence[str]
    directions: Sequence[str]
    params: Sequence[str] = ()
    metrics: Sequence[str] = field(default=())
    bounds: Sequence[tuple[str, str, float]] = field(default=())

    @classmethod
    def of(
        cls,
        study: str,
        objectives: Iterable[str],
        directions: Sequence[str],
        params: Iterable[str],
        metrics: Iterable[str],
        bounds: Iterable[Bound],
    ) -> "StudyView":
        """Return the view of a study with these names, which MLflow may keep in another form."""

        def kept(names: Iterable[str]) -> list[str]:
            return [*dict.fromkeys(map(schema.valid_name, names))]

        each = [(schema.valid_name(one.metric), one.comparison, one.bound) for one in bounds]
        return cls(study, kept(objectives), directions, kept(params), kept(metrics), each)

    def tags(self, at: int) -> dict[str, str]:
        """Return the experiment's tag that holds the view, as name and text.

        Args:
            at: when the view was made (ms since 1970).
        """
        state = {**self._facets(), **self._columns(), **self._charts()}
        saved = {"name": self.study, "createdAt": at, "state": _deflated(json.dumps(state))}
        # A version of MLflow without named views reads the keys of the state beside the name.
        return {_tag_key(self.study): json.dumps({**saved, **state})}

    def _facets(self) -> dict[str, Any]:
        """Return filter and order of the runs: the last attempt at each trial, the best first."""
        conditions = [
            f"tags.`{schema.STUDY}` = {_quoted(self.study)}",
            f"tags.`{schema.ROLE}` != '{schema.Role.SWEEP}'",
            f"tags.`{schema.ROLE}` != '{schema.Role.CONFIRMATION}'",
            f"attributes.status != '{schema.RunStatus.KILLED}'",
            *(f"metrics.`{name}` {how} {_plain(bound)}" for name, how, bound in self.bounds),
        ]
        return {
            "searchFilter": " AND ".join(conditions),
            "orderByKey": _column("metrics", self.objectives[0]),
            "orderByAsc": self.directions[0] != "maximize",
            "startTime": "ALL",
            "lifecycleFilter": "Active",
        }

    def _columns(self) -> dict[str, Any]:
        columns = [
            *(_column("metrics", name) for name in self.objectives),
            _column("tags", schema.STATE),
            *(_column("params", name) for name in self.params),
            *(_column("metrics", name) for name in self.metrics if name not in self.objectives),
        ]
        shown = columns[:MOST_COLUMNS]
        return {
            "selectedColumns": shown,
            "columnOrder": [NAME, CREATED, DURATION, *shown],
            "columnWidths": {NAME: NAME_WIDTH} | {column: _width(column) for column in shown},
            "runsHiddenMode": "SHOW_ALL",
        }

    def _charts(self) -> dict[str, Any]:
        """Return charts of the objective by step and by parameters; MLflow adds other metrics."""
        return {
            "compareRunCharts": list(self._cards()),
            "compareRunSections": [
                _section(SECTION, self.study, columns=1, cardHeight=CARD_HEIGHT),
                _section("besom-model", MODEL_METRICS, columns=2),
                _section("besom-system", SYSTEM_METRICS, columns=2),
            ],
            "isAccordionReordered": True,
        }

    def _cards(self) -> Iterator[dict[str, Any]]:
        for name in self.objectives:
            yield _card("LINE", f"line-{name}", metricKey=name, selectedMetricKeys=[name])
        if self.params:
            chosen = {
                "selectedParams": list(self.params)[:MOST_AXES],
                "selectedMetrics": list(self.objectives),
            }
            yield _card("PARALLEL", "parallel", showAllRuns=True, **chosen)


def address(experiment_id: str, study: str | None, charts: bool = False) -> str:
    """Return the address of a study's view, or of all runs, below the server's address."""
    query = {"workflowType": "machine_learning"}
    if study is not None:
        query["viewStateShareKey"] = _share_key(study)
    if charts:
        query["compareRunsMode"] = "CHART"
    return f"#/experiments/{quote(experiment_id)}/runs?{urlencode(query, quote_via=quote)}"


def _tag_key(study: str) -> str:
    return schema.valid_name(f"{schema.VIEW_PREFIX}{study}")


def _share_key(study: str) -> str:
    return _tag_key(study).removeprefix(schema.VIEW_PREFIX)


def _column(kind: str, name: str) -> str:
    return f"{kind}.`{name}`"


def _deflated(text: str) -> str:
    """Compress text as MLflow's frontend does (``textCompressDeflate``)."""
    return f"deflate;{base64.b64encode(zlib.compress(text.encode())).decode()}"


def _width(column: str) -> int:
    """Return the width in pixels at which a column's heading is not cut."""
    name = column.partition("`")[2].rstrip("`")
    return max(LEAST_WIDTH, 7 * len(name) + 34)


def _plain(number: float) -> str:
    """Return a number in digits: MLflow's filter language knows no exponents."""
    return format(Decimal(repr(number)), "f")


def _quoted(text: str) -> str:
    """Quote text for MLflow's filter language, which cannot escape quotes inside it."""
    if "'" not in text:
        return f"'{text}'"
    return f'"{text}"'


def _section(uuid: str, name: str, **settings: int) -> Mapping[str, Any]:
    return {"uuid": uuid, "name": name, "display": True, "isReordered": True, **settings}


def _card(kind: str, uuid: str, **settings: Any) -> dict[str, Any]:
    common = {"type": kind, "uuid": f"{SECTION}-{uuid}", "metricSectionId": SECTION}
    return {**common, "deleted": False, "isGenerated": False, **settings}
