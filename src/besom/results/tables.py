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
    rows = [
        side_by_side(
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
    ]
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


def side_by_side(own: Row, params: Row, metrics: Row) -> dict[str, Any]:
    """Join the three into one row.

    A parameter with the name of another column, such as ``state``, becomes ``params.state``, and a
    metric with the name of a column of ``own`` becomes ``metrics.state``.
    """
    metrics = {f"metrics.{name}" if name in own else name: metrics[name] for name in metrics}
    taken = {**own, **metrics}
    params = {f"params.{name}" if name in taken else name: params[name] for name in params}
    return {**own, **params, **metrics}


def nodes(runs: Iterable[ReadRun]) -> dict[str, str]:
    """Return the machine of each run by the run's id; empty if all ran on the same one."""
    found = {run.run_id: run.tags[schema.NODE] for run in runs if schema.NODE in run.tags}
    return found if len(set(found.values())) > 1 else {}


def rows_as_json(rows: Iterable[Row]) -> str:
    """Return rows as a JSON list of objects. NaN and infinity, unknown to JSON, become ``null``."""
    finite = [{name: _finite(value) for name, value in row.items()} for row in rows]
    return json.dumps(finite, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
