"""Tests that infeasible trials are drawn apart, and never as the best."""

import json
from dataclasses import replace

import pytest

from besom.tracking import schema
from tests.results.report.conftest import Book


def constrained(objective: str, direction: str, **texts: str) -> Book:
    book = Book(objective=objective, direction=direction)
    book.tags[schema.CONSTRAINTS] = json.dumps(texts)
    for number, (loss, size) in enumerate([(0.5, 30.0), (0.3, 50.0), (0.1, 90.0), (0.4, 40.0)]):
        book.trial(number, {"n": number}, {"loss": [loss], "size": [size]})
    return book


def test_the_best_of_one_objective_is_feasible() -> None:
    page = constrained("loss", "minimize", size="<= 60").page()
    assert page.trace("history-figure", "best")["y"] == [0.3]
    assert page.trace("history-figure", "best so far")["y"] == [0.5, 0.3, 0.3]
    assert page.trace("history-figure", "infeasible")["y"] == [0.1]
    assert page.row("2")[2] == "infeasible" and "feasible: size <= 60" in page.text
    assert page.data("labels")["2"].startswith("<b>trial 2</b> (infeasible)<br>size 90, not &lt;=")


def test_a_bound_of_an_objective_is_a_region_of_the_front() -> None:
    page = constrained("loss, size", "minimize, minimize", size="<= 45").page()
    (shape,) = page.data("pareto-0-data")["layout"]["shapes"]
    assert (shape["y0"], shape["xref"], shape["x0"], shape["x1"]) == (45.0, "x domain", 0, 1)
    assert shape["y1"] > 90
    assert page.trace("pareto-0", "Pareto front")["y"] == [40.0, 30.0]
    assert page.trace("pareto-0", "infeasible")["y"] == [50.0, 90.0]
    assert "the shaded part" in page.text
    assert 'id="bounded-' not in page.html


@pytest.mark.parametrize("objective", ["loss", "loss, n"])
def test_a_bound_of_another_metric_is_a_region_of_a_figure_of_its_own(objective: str) -> None:
    book = constrained(objective, ", ".join("minimize" for _ in objective.split()), size="<= 45")
    book.found = [replace(run, metrics=run.metrics | {"n": 1.0}) for run in book.found]
    page = book.page()
    (shape,) = page.data("bounded-0-data")["layout"]["shapes"]
    assert shape["y0"] == 45.0 and shape["y1"] > 90
    assert page.trace("bounded-0", "infeasible")["y"] == [50.0, 90.0]
    marked = "best" if objective == "loss" else "Pareto front"
    assert page.trace("bounded-0", marked)["y"] == [40.0]
    assert "loss (minimized) against size of the complete trials" in page.text


def test_a_bound_of_what_no_trial_has_is_drawn_nowhere() -> None:
    page = constrained("loss, size", "minimize, minimize", n_parameters="< 5").page()
    assert "shapes" not in page.data("pareto-0-data")["layout"]
    assert 'id="bounded-' not in page.html
    assert "n_parameters not known" in page.data("labels")["1"]


@pytest.mark.parametrize(
    ("objective", "direction"), [("loss", "minimize"), ("loss, size", "minimize, minimize")]
)
def test_where_nothing_is_feasible_nothing_is_the_best(objective: str, direction: str) -> None:
    page = constrained(objective, direction, size="< 0").page()
    assert "No trial is feasible (size < 0), so there is no best" in page.text
    assert "4 of the complete infeasible" in page.text
