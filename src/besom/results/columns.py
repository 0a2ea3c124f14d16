"""Rows for tables and JSON, made of what a run is, its parameters and its metrics."""

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

Row = Mapping[str, Any]


def side_by_side(own: Row, params: Row, metrics: Row) -> dict[str, Any]:
    """One row of all three.

    A parameter that is called as a column of the others, ``state`` say, becomes ``params.state``,
    and a metric that is called as one of ``own``, ``metrics.state``.
    """
    metrics = {f"metrics.{name}" if name in own else name: metrics[name] for name in metrics}
    taken = {**own, **metrics}
    params = {f"params.{name}" if name in taken else name: params[name] for name in params}
    return {**own, **params, **metrics}


def rows_as_json(rows: Iterable[Row]) -> str:
    """A list of objects. JSON knows no NaN and no infinity; they become ``null``."""
    finite = [{name: _finite(value) for name, value in row.items()} for row in rows]
    return json.dumps(finite, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
