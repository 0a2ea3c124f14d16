"""The record as tables for pandas: ``besom.runs`` and ``besom.curves``."""

from os import PathLike
from pathlib import Path

import pandas as pd

from besom.results.columns import side_by_side
from besom.results.studies import StudyRecord, read_study
from besom.tracking.reader import Reader, open_reader


def runs(
    study: str, root: str | PathLike[str] = "mlruns", tracking_uri: str | None = None
) -> pd.DataFrame:
    """A study's trials, one row each, by number.

    Columns: ``state``, ``role``, ``attempt``, ``seconds``, ``counts`` (false for what other source
    code has made), ``run_id``; parameters under their dotted names; metrics under theirs, the last
    value of each. A parameter that is itself called as one of the others is ``params.state``, say.

    Args:
        study: its name; the sweep file's, if nothing else was said.
        root: the folder of the record.
        tracking_uri: MLflow's address, where the record is not below ``root``.

    Raises:
        besom.UserError: there is no such study, or no record.

    Example:
        >>> runs = besom.runs("quickstart")
        >>> best = runs.sort_values("val_accuracy").tail(3)
    """
    return frame(read_study(_reader(root, tracking_uri), study))


def curves(
    study: str, root: str | PathLike[str] = "mlruns", tracking_uri: str | None = None
) -> pd.DataFrame:
    """The per-epoch metrics of a study's trials in long form, for plotting.

    Columns: ``trial``, ``metric``, ``step`` (from 1), ``value``. Arguments and errors are those
    of :func:`runs`.

    Example:
        >>> curves = besom.curves("quickstart")
        >>> losses = curves[curves.metric == "val_loss"]
        >>> by_trial = losses.pivot(index="step", columns="trial", values="value")
    """
    reader = _reader(root, tracking_uri)
    return long_frame(reader, read_study(reader, study))


def frame(study: StudyRecord) -> pd.DataFrame:
    """One row per trial, see :func:`runs`."""
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
            },
            trial.params,
            trial.metrics,
        )
        for trial in study.trials
    ]
    return pd.DataFrame(rows).set_index("trial") if rows else pd.DataFrame(rows)


def long_frame(reader: Reader, study: StudyRecord) -> pd.DataFrame:
    """One row per trial, metric and step, see :func:`curves`."""
    numbers = {trial.run.run_id: trial.number for trial in study.trials}
    rows = [
        (numbers[point.run_id], point.metric, point.step, point.value)
        for point in reader.points(list(numbers))
    ]
    found = pd.DataFrame(rows, columns=["trial", "metric", "step", "value"])
    return found.sort_values(["trial", "metric", "step"], ignore_index=True)


def _reader(root: str | PathLike[str], tracking_uri: str | None) -> Reader:
    return open_reader(Path(root), tracking_uri)
