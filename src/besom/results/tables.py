"""Exports the record as tables: JSON, and ``besom.runs`` and ``besom.curves`` for pandas.

pandas is imported only when a table is made, since commands that only print do not need it.
"""

import json
import math
from collections.abc import Iterable, Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from besom.results.studies import read_study
from besom.tracking import schema
from besom.tracking.reader import ReadRun, open_reader

if TYPE_CHECKING:
    from pandas import DataFrame

Row = Mapping[str, Any]


def runs(
    study: str, root: str | PathLike[str] = "mlruns", tracking_uri: str | None = None
) -> "DataFrame":
    """Return a study's trials as a table, one row each, by number.

    Columns: ``state``, ``role``, ``attempt``, ``seconds``, ``counts`` (false for trials of other
    source code), ``run_id``; ``feasible`` if the sweep has constraints; parameters under their
    dotted names; the last value of each metric under its name. A parameter with the name of another
    column gets a prefix: ``params.state``.

    Args:
        study: the study's name; by default it is that of the sweep file.
        root: the folder of the record.
        tracking_uri: MLflow's address, if the record is not below ``root``.

    Raises:
        besom.UserError: there is no such study, or no record.

    Examples:
        >>> runs = besom.runs("quickstart")
        >>> best = runs.sort_values("val_accuracy").tail(3)
    """
    import pandas

    record = read_study(open_reader(Path(root), tracking_uri), study)
    rows = side_by_side(
        (
            {
                "trial": trial.number,
                "state": trial.state,
                "role": trial.role,
                "attempt": trial.attempt,
                "seconds": trial.seconds,
                "counts": trial.counts,
                "run_id": trial.run.run_id,
                **({"feasible": not trial.infeasible} if record.constraints else {}),
            },
            trial.params,
            trial.metrics,
        )
        for trial in record.trials
    )
    return pandas.DataFrame(rows).set_index("trial") if rows else pandas.DataFrame()


def curves(
    study: str, root: str | PathLike[str] = "mlruns", tracking_uri: str | None = None
) -> "DataFrame":
    """Return the per-epoch metrics of a study's trials in long form, for plotting.

    Columns: ``trial``, ``metric``, ``step`` (from 1), ``value``. Arguments and errors are those
    of :func:`runs`.

    Examples:
        >>> curves = besom.curves("quickstart")
        >>> losses = curves[curves.metric == "val_loss"]
        >>> by_trial = losses.pivot(index="step", columns="trial", values="value")
    """
    import pandas

    reader = open_reader(Path(root), tracking_uri)
    numbers = {trial.run.run_id: trial.number for trial in read_study(reader, study).trials}
    rows = [
        (numbers[point.run_id], point.metric, point.step, point.value)
        for point in reader.points(list(numbers))
    ]
    found = pandas.DataFrame(rows, columns=["trial", "metric", "step", "value"])
    return found.sort_values(["trial", "metric", "step"], ignore_index=True)


def side_by_side(rows: Iterable[tuple[Row, Row, Row]]) -> list[dict[str, Any]]:
    """Join each row's own cells, parameters and metrics; each column holds one of them in all rows.

    See :func:`column_names`.
    """
    rows = list(rows)
    own, params, metrics = ({name for row in rows for name in row[part]} for part in range(3))
    of_params, of_metrics = column_names(own, params, metrics)
    return [
        {
            **cells,
            **{of_params[name]: value for name, value in values.items()},
            **{of_metrics[name]: value for name, value in numbers.items()},
        }
        for cells, values, numbers in rows
    ]


def column_names(
    own: Iterable[str], params: Iterable[str], metrics: Iterable[str]
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the columns of parameters and of metrics, beside the columns that a table has anyway.

    A metric with the name of one of these, such as ``state``, becomes ``metrics.state``, and a
    parameter with the name of any other column ``params.state``.
    """
    own = set(own)
    of_metrics = {name: f"metrics.{name}" if name in own else name for name in metrics}
    taken = own.union(of_metrics.values())
    return {name: f"params.{name}" if name in taken else name for name in params}, of_metrics


def nodes(runs: Iterable[ReadRun]) -> dict[str, str]:
    """Return the machine of each run by the run's id; empty if all ran on the same one."""
    found = {run.run_id: run.tags[schema.NODE] for run in runs if schema.NODE in run.tags}
    return found if len(set(found.values())) > 1 else {}


def rows_as_json(rows: Iterable[Row]) -> str:
    """Return rows as a JSON list of objects. NaN and infinity, unknown to JSON, become ``null``."""
    finite = [_finite(row) for row in rows]
    return json.dumps(finite, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _finite(inside) for name, inside in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
