"""Tests ``besom.runs`` and ``besom.curves``, which return tables of pandas."""

import os
from pathlib import Path

import pytest

import besom
from besom.common.errors import StudyError
from besom.tracking import connect
from tests.results.conftest import start


def test_a_row_for_each_trial(study: list[str], root: Path) -> None:
    runs = besom.runs("small", root)
    assert list(runs.index) == [0, 1, 2, 3]
    assert list(runs["run_id"]) == study
    assert list(runs["state"]) == ["complete", "complete", "pruned", "complete"]
    assert list(runs["attempt"]) == [1, 1, 1, 2]
    assert list(runs["model.units"]) == [32, 64, 8, 4]
    assert runs["training.learning_rate"].dtype == float
    assert runs["val_accuracy"].idxmax() == 1
    assert (runs["seconds"] >= 0).all()


def test_a_row_for_each_value_of_a_metric(study: list[str], root: Path) -> None:
    curves = besom.curves("small", root)
    chosen = curves[(curves.trial == 1) & (curves.metric == "val_accuracy")]
    assert list(zip(chosen.step, chosen.value, strict=True)) == [(1, 0.75), (2, 0.85)]
    assert len(curves[curves.trial == 3]) == 2  # of the last attempt alone


def test_a_parameter_that_is_called_as_a_column_takes_none_away(root: Path) -> None:
    with connect(root, None, "besom") as record:
        odd = start(record, "odd")
        params = {"trial": "x", "seconds": "y", "loss": "mse"}
        odd.trial(0, params, {"loss": [0.5], "attempt": [7.0]})
    (row,) = besom.runs("odd", root).reset_index().to_dict("records")
    assert (row["trial"], row["attempt"], row["loss"]) == (0, 1, 0.5)
    assert row["seconds"] >= 0
    assert (row["params.trial"], row["params.seconds"]) == ("x", "y")
    assert (row["params.loss"], row["metrics.attempt"]) == ("mse", 7.0)


def test_a_column_holds_one_thing_in_all_rows(root: Path) -> None:
    """Also where only some of the trials have a metric of the parameter's name."""
    with connect(root, None, "besom") as record:
        odd = start(record, "odd")
        odd.trial(0, {"epochs": 5}, {"epochs": [3.0]})
        odd.trial(1, {"epochs": 9}, {"loss": [0.5]})
    runs = besom.runs("odd", root)
    assert list(runs["params.epochs"]) == [5, 9]
    assert runs["epochs"][0] == 3.0 and runs["epochs"].isna()[1]


def test_a_table_leaves_no_connection_open(study: list[str], root: Path) -> None:
    besom.runs("small", root)
    before = len(os.listdir("/dev/fd"))
    for _ in range(5):
        besom.runs("small", root)
    assert len(os.listdir("/dev/fd")) == before


def test_an_unknown_study_is_named(study: list[str], root: Path) -> None:
    with pytest.raises(StudyError, match="did you mean `small`"):
        besom.runs("smal", root)
