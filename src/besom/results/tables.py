"""Exports the record as tables: CSV, JSON, and ``besom.runs`` and ``besom.curves`` for pandas.

pandas is imported where a table is made: commands that only print do without it.
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
    """A study's trials, one row each, by number.

    Columns: ``state``, ``role``, ``attempt``, ``seconds``, ``counts`` (false for what other source
    code has made), ``run_id``; ``feasible`` where the sweep has constraints; parameters under their
    dotted names; metrics under theirs, the last value of each. A parameter that is itself called as
    one of the others is ``params.state``, say.

    Args:
        study: its name; the sweep file's, if nothing else was said.
        root: the folder of the record.
        tracking_uri: MLflow's address, where the record is not below ``root``.

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
    """The per-epoch metrics of a study's trials in long form, for plotting.

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
    """One row of all three.

    A parameter that is called as a column of the others, ``state`` say, becomes ``params.state``,
    and a metric that is called as one of ``own``, ``metrics.state``.
    """
    metrics = {f"metrics.{name}" if name in own else name: metrics[name] for name in metrics}
    taken = {**own, **metrics}
    params = {f"params.{name}" if name in taken else name: params[name] for name in params}
    return {**own, **params, **metrics}


def nodes(runs: Iterable[ReadRun]) -> dict[str, str]:
    """The machines on which runs were made, by the runs' ids; empty where it was one for all."""
    found = {run.run_id: run.tags[schema.NODE] for run in runs if schema.NODE in run.tags}
    return found if len(set(found.values())) > 1 else {}


def rows_as_json(rows: Iterable[Row]) -> str:
    """A list of objects. JSON knows no NaN and no infinity; they become ``null``."""
    finite = [{name: _finite(value) for name, value in row.items()} for row in rows]
    return json.dumps(finite, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
