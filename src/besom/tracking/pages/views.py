"""A study's own view of MLflow's pages: its trials sorted by the objective, and charts of them.

MLflow keeps a view as a tag of the experiment. Its frontend reads the one that the address names
(``useSharedExperimentViewState.ts`` of MLflow 3), and lists those that say what they are called
(``savedViewEnvelope.ts`` of MLflow 3.17).
"""

import base64
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import quote, urlencode

from besom.tracking import schema

MOST_COLUMNS, MOST_AXES = 30, 12
"""Metrics and parameters that have a column, and those that have an axis; menus have the others."""
NAME, CREATED, DURATION = (f"attributes.`{name}`" for name in ("Run Name", "Created", "Duration"))
"""Columns that MLflow shows by itself."""
NAME_WIDTH, LEAST_WIDTH, CARD_HEIGHT = 220, 104, 290
"""Pixels."""
SECTION = "besom"
MODEL_METRICS, SYSTEM_METRICS = "Model metrics", "System metrics"
"""Sections that MLflow expects last among those of the charts."""


@dataclass(frozen=True)
class StudyView:
    """What a study's view has to show. All names are those that MLflow has taken.

    Attributes:
        objectives: the metrics that are the objectives; the trials are sorted by the first.
        directions: ``maximize`` or ``minimize`` for each.
        params: what was searched.
        metrics: the others that trials have.
        bounds: metric, comparison and number of each constraint: trials that do not keep to it, or
            have not told it yet, are not shown, since the first in order would be taken for the
            best.
    """

    study: str
    objectives: Sequence[str]
    directions: Sequence[str]
    params: Sequence[str] = ()
    metrics: Sequence[str] = field(default=())
    bounds: Sequence[tuple[str, str, float]] = field(default=())

    def tags(self, at: int) -> dict[str, str]:
        """The tag of the experiment that holds the view, by its name.

        Args:
            at: when it was made (ms since 1970).
        """
        state = {**self._facets(), **self._columns(), **self._charts()}
        saved = {"name": self.study, "createdAt": at, "state": _deflated(json.dumps(state))}
        # An MLflow that knows no names of views reads what stands beside them.
        return {_tag_key(self.study): json.dumps({**saved, **state})}

    def _facets(self) -> dict[str, Any]:
        """What MLflow's pages ask the store for: the last attempt at each trial."""
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
        """The objective by step, and the parameters beside it; MLflow adds the other metrics."""
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
    """Where MLflow's pages show a study's view, or all runs; below the address of the server."""
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
    """Text as MLflow's frontend packs it (``textCompressDeflate``)."""
    return f"deflate;{base64.b64encode(zlib.compress(text.encode())).decode()}"


def _width(column: str) -> int:
    """Pixels in which the name over a column is not cut."""
    name = column.partition("`")[2].rstrip("`")
    return max(LEAST_WIDTH, 7 * len(name) + 34)


def _plain(number: float) -> str:
    """Digits without an exponent, which MLflow's filter language does not know."""
    return format(Decimal(repr(number)), "f")


def _quoted(text: str) -> str:
    """Text in MLflow's filter language, which cannot quote a quote."""
    if "'" not in text:
        return f"'{text}'"
    return f'"{text}"'


def _section(uuid: str, name: str, **settings: int) -> Mapping[str, Any]:
    return {"uuid": uuid, "name": name, "display": True, "isReordered": True, **settings}


def _card(kind: str, uuid: str, **settings: Any) -> dict[str, Any]:
    common = {"type": kind, "uuid": f"{SECTION}-{uuid}", "metricSectionId": SECTION}
    return {**common, "deleted": False, "isGenerated": False, **settings}
