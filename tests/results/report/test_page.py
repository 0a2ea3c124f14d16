"""Tests the page for every kind of study, and that it is safe and self-contained."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from plotly.offline import get_plotlyjs_version

from besom.common.errors import StoreError, StudyError
from besom.results.report.data import read_report_data
from besom.results.report.page import report_html, write_report
from besom.results.workload import WORKLOAD
from besom.tracking import schema
from besom.tracking.reader import open_reader
from tests.results.report.conftest import Book, Page, many

HOSTILE = "</script><img src=x onerror=alert(1)><b>&amp;%{x}"


def test_has_all_sections_in_their_order(book: Book) -> None:
    assert book.page().sections == [
        "verdict",
        "history",
        "curves",
        "importances",
        "slices",
        "parallel",
        "trials",
        "time",
        "failures",
        "configuration",
        "environment",
    ]


def test_refers_to_nothing_outside(book: Book) -> None:
    page = book.page()
    tags = [tag for tag, _ in page.elements]
    assert not {"link", "img", "iframe", "object", "base"} & set(tags)
    references = [
        value
        for tag, attributes in page.elements
        for name, value in attributes.items()
        if name in ("src", "href", "action", "srcset", "data")
    ]
    assert references and all(value and value.startswith("#") for value in references)
    (policy,) = [a["content"] for t, a in page.elements if t == "meta" and "http-equiv" in a]
    assert policy is not None and policy.startswith("default-src 'none'")


def test_holds_the_plotting_library_once(book: Book) -> None:
    assert book.page().html.count("* plotly.js (basic - minified) v") == 1


def test_the_library_knows_what_the_python_package_describes(book: Book) -> None:
    """The page's plotly.js and that of the Python package have the same major version."""
    (version,) = re.findall(r"plotly\.js \(basic - minified\) v(\d+)", book.page().html)
    assert version == get_plotlyjs_version().partition(".")[0]


def test_the_best_stands_beside_the_baseline(book: Book) -> None:
    page = book.page()
    assert page.row("one run each") == ["one run each", "trial 1", "baseline", "difference"]
    assert page.row("val_accuracy") == ["val_accuracy", "0.85", "0.8", "+0.05"]
    assert page.row("loss") == ["loss", "0.3", "0.5", "-0.2"]
    assert page.row("units") == ["units", "64", "32", ""]


def test_what_is_not_confirmed_proves_nothing(book: Book) -> None:
    text = book.page().text
    assert "Best of one run each: trial 1, val_accuracy 0.85; the baseline 0.8, +0.05." in text
    assert "one run each proves nothing" in text
    assert "besom confirm small" in text


def test_nodes_and_devices_are_shown_where_there_were_several() -> None:
    book, host = Book(), {schema.HOST: "node-a", schema.DEVICES: "GPU 0: NVIDIA H100 80GB HBM3"}
    book.trial(0, {"n": 1}, {"val_accuracy": [0.5]}, **host, **{schema.NODE: "node-a"})
    page = book.page()
    assert page.row("devices") == ["devices", "GPU 0: NVIDIA H100 80GB HBM3"]
    assert not any("node" in row for row in page.rows)
    book.trial(1, {"n": 2}, {"val_accuracy": [0.6]}, **host, **{schema.NODE: "node-b"})
    page = book.page()
    assert page.row("node") == ["node", "node-a (1 runs); node-b (1 runs)"]
    assert page.row("1 best")[-1] == "node-b" and page.row("trial")[-1] == "node"


def test_a_study_that_a_shell_would_split_is_quoted() -> None:
    book = Book("two words")
    book.trial(0, {"n": 1}, {"val_accuracy": [0.5]})
    book.trial(1, {"n": 2}, {"val_accuracy": [0.6]})
    assert "besom confirm 'two words'" in book.page().text


@pytest.mark.parametrize(
    "command",
    [
        {"task": "tune.train", "config_name": "tune", "overrides": []},
        {"task": WORKLOAD, "config_name": "train", "overrides": []},  # besom train -m
        None,
    ],
)
def test_what_besom_confirm_refuses_is_confirmed_by_its_own_command(
    command: dict[str, Any] | None, book: Book
) -> None:
    del book.texts["parent", schema.COMMAND_FILE]
    if command:
        book.texts["parent", schema.COMMAND_FILE] = json.dumps(command)
    text = book.page().text
    assert "besom confirm" not in text
    words = "hydra.sweeper.confirm.only=true hydra.sweeper.confirm.top_k=3"
    assert f"The sweep's own command with {words} trains the" in text


@pytest.mark.parametrize(("known", "is_old"), [("4", True), ("5", False), (None, False)])
def test_a_verdict_of_fewer_trials_says_so(known: str | None, is_old: bool, book: Book) -> None:
    book.conclude("Trial 1 wins.", {0: [0.8, 0.79, 0.81], 1: [0.83, 0.82, 0.84]}, challenger=1)
    if known:
        book.tags[schema.VERDICT_TRIALS] = known
    text = book.page().text
    age = "It was reached after 4 of 5 trials; besom confirm small judges anew."
    assert (age in text) == is_old
    assert ("reached after" in text) == is_old


def test_the_study_is_read_once(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    found = Book.study
    monkeypatch.setattr(Book, "study", lambda self, name: asked.append(name) or found(self, name))
    book.page()
    assert asked == ["small"]


def test_a_verdict_comes_first(book: Book) -> None:
    sentence = "Trial 1 beats the baseline: test_accuracy 0.83 (0.82 to 0.84)."
    book.conclude(sentence, {0: [0.8, 0.79, 0.81], 1: [0.83, 0.82, 0.84]}, challenger=1)
    page = book.page()
    assert page.sections[:2] == ["verdict", "seeds"]
    assert sentence in page.text and "proves nothing" not in page.text


def test_counts_trials_by_their_state(book: Book) -> None:
    assert "5 trials: 3 complete, 1 pruned, 1 failed" in book.page().text


def test_says_what_a_trial_has_under_the_pointer(book: Book) -> None:
    labels = book.page().data("labels")
    assert set(labels) == {"0", "1", "2", "3", "4"}
    assert labels["1"] == (
        "<b>trial 1</b> (complete)<br>val_accuracy = 0.85<br>units = 64<br>optimizer = adam"
    )
    assert labels["0"].startswith("<b>trial 0, the baseline</b>")


def test_a_baseline_alone() -> None:
    alone = Book()
    alone.trial(0, {"units": 32}, {"val_accuracy": [0.7, 0.8]})
    page = alone.page()
    assert "One trial was completed, trial 0, the baseline: val_accuracy 0.8." in page.text
    assert "besom confirm" not in page.text
    assert page.sections == [
        "verdict",
        "history",
        "curves",
        "trials",
        "time",
        "configuration",
        "environment",
    ]


def test_failures_alone() -> None:
    broken = Book()
    for number in range(3):
        broken.trial(number, {"n": number}, {}, "failed", **{schema.ERROR: "OSError: no disk"})
    page = broken.page()
    assert "No trial was completed" in page.text
    assert page.row("OSError: no disk") == ["OSError: no disk", "3", "0, 1, 2", "failed"]
    assert page.sections == ["verdict", "curves", "trials", "time", "failures", "environment"]


def test_a_study_without_a_finished_trial_is_refused() -> None:
    waiting = Book()
    waiting.trial(0, {"n": 1}, {"val_accuracy": [0.5]}, "running")
    with pytest.raises(StudyError, match="no finished trial") as refused:
        waiting.page()
    assert len(str(refused.value).splitlines()) == 1


def test_a_task_that_reports_nothing() -> None:
    plain = Book(objective="objective", direction="minimize", space={"x": "interval(-1,1)"})
    for number in range(12):
        plain.trial(number, {"x": number / 12}, {"objective": [abs(number - 5.0)]})
    plain.history = [type(p)(p.run_id, p.metric, 0, p.value, p.at) for p in plain.history]
    page = plain.page()
    assert "reports nothing per step" in page.text
    assert page.row("objective")[1:3] == ["0", "5"]


def test_several_objectives_have_a_front() -> None:
    """Of equal trials, the front has the first."""
    both = Book(objective="accuracy, seconds", direction="maximize, minimize")
    outcomes = [(0.8, 10.0), (0.9, 20.0), (0.7, 30.0), (0.95, 40.0), (0.8, 10.0)]
    for number, (accuracy, seconds) in enumerate(outcomes):
        curves = {"accuracy": [accuracy], "seconds": [seconds]}
        both.trial(number, {"n": number}, curves)
    page = both.page()
    front = page.trace("pareto-0", "Pareto front")
    assert sorted(zip(front["x"], front["y"], strict=True)) == [
        (0.8, 10.0),
        (0.9, 20.0),
        (0.95, 40.0),
    ]
    assert "no single best trial" in page.text and "besom confirm" not in page.text


def test_several_objectives_without_names() -> None:
    both = Book(objective="objective", direction="minimize, minimize")
    for number in range(3):
        curves = {"objective": [1.0 - number], "objective_1": [float(number)]}
        both.trial(number, {"n": number}, curves)
    assert len(both.page().trace("pareto-0", "Pareto front")["x"]) == 3


def test_an_objective_without_a_name_is_the_only_metric() -> None:
    book = Book(objective="objective")
    book.trial(0, {"n": 1}, {"accuracy": [0.5]})
    book.trial(1, {"n": 2}, {"accuracy": [0.6]})
    assert book.page().row("accuracy") == ["accuracy", "0.6", "0.5", "+0.1"]


@pytest.mark.parametrize("broken", [float("nan"), float("inf"), float("-inf")])
def test_values_that_are_no_numbers_are_left_out(broken: float) -> None:
    book = Book()
    for number, value in enumerate([0.5, broken, 0.7]):
        book.trial(number, {"n": number}, {"val_accuracy": [0.1, value], "loss": [broken, 1.0]})
    page = book.page()
    assert page.trace("history-figure", "best")["y"] == [0.7]
    assert page.trace("curves-0", "other trials")["y"] == [0.1, None, None]
    assert page.row("val_accuracy") == ["val_accuracy", "0.7", "0.5", "+0.2"]


def test_hostile_names_stay_text() -> None:
    book = Book(name=f"study{HOSTILE}", space={f"key{HOSTILE}": f"choice({HOSTILE})"})
    for number in range(12):
        params = {f"key{HOSTILE}": f"{HOSTILE}{number % 3}", f"size{HOSTILE}": number}
        tags = {schema.ERROR: f"error{HOSTILE}"} if number == 7 else {}
        state = "failed" if number == 7 else "complete"
        curves = {"val_accuracy": [0.1, 0.1 * number], f"loss{HOSTILE}": [0.2, 0.3]}
        run_id = book.trial(number, params, curves, state, **tags, **{schema.HOST: HOSTILE})
        book.texts[run_id, schema.TRACEBACK_FILE] = f"trace{HOSTILE}"
        book.texts[run_id, schema.PACKAGES_FILE] = f"{HOSTILE}==1"
    book.texts["parent", schema.SWEEPER_FILE] = f"sampler: {HOSTILE}"
    book.conclude(f"sentence{HOSTILE}", {0: [0.1, 0.2, 0.3], 1: [0.2, 0.3, 0.4]}, challenger=1)
    page = book.page()
    assert "seeds" in page.sections and "failures" in page.sections
    assert not {"img", "b"} & {tag for tag, _ in page.elements}
    for what in ("study", "sentence", "error", "trace", "key", "size", "loss"):
        assert f"{what}{HOSTILE}" in page.text
    figures = [a["id"] for t, a in page.elements if a.get("class") == "plot"]
    data = json.dumps([page.data("labels"), *(page.data(f"{name}-data") for name in figures)])
    assert "<img" not in data and "&lt;img" in data


def test_text_that_is_no_text_is_written(book: Book, tmp_path: Path) -> None:
    book.trial(5, {"units": "\ud800"}, {"val_accuracy": [0.5]})
    file = tmp_path / "report.html"
    write_report(book, "small", file)
    assert "val_accuracy" in file.read_text(encoding="utf-8")


def test_a_file_that_cannot_be_written_is_refused(book: Book, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"--output .* cannot be written"):
        write_report(book, "small", tmp_path / "missing" / "report.html")


def test_a_large_study_is_drawn_in_part() -> None:
    book = many(2500, epochs=2)
    page = book.page()
    drawn = page.trace("history-figure", "complete")["x"]
    assert 500 < len(drawn) < 1000
    assert "of 2,500 trials, evenly taken" in page.text
    assert "2500 trials: 1667 complete, 833 pruned" in page.text
    assert page.trace("history-figure", "best")["y"] == [
        max(run.metrics["val_accuracy"] for run in book.found if "pruned" not in run.tags.values())
    ]


def test_five_hundred_trials_fit_into_the_page() -> None:
    html = many(500).page().html
    assert len(html) < 3_000_000
    assert len(Page(html).trace("history-figure", "complete")["x"]) == 500 - 166 - 2


def test_a_recorded_study(study: list[str], root: Path) -> None:
    """Also where the study is read from MLflow's own tables."""
    page = Page(report_html(read_report_data(open_reader(root, None), "small")))
    assert page.row("val_accuracy") == ["val_accuracy", "0.85", "0.8", "+0.05"]
    assert page.row("run") == ["run", study[1], study[0], ""]
    assert page.trace("curves-0", "best")["y"] == [0.75, 0.85, None]
    assert page.trace("history-figure", "pruned")["y"] == [0.5]


def test_an_unknown_study_is_named(study: list[str], root: Path) -> None:
    with pytest.raises(StudyError, match="did you mean `small`"):
        read_report_data(open_reader(root, None), "smal")


def test_a_row_for_every_trial_the_best_first() -> None:
    book = many(60)
    page = book.page()
    assert page.row("0 baseline")[1:3] == ["0.72", "complete"]
    assert "/#/runs/" not in page.html
    book.pages = "https://host/mlflow"
    links = dict(re.findall(r'<a href="https://host/mlflow/#/runs/(\w+)">(\d+)<', book.page().html))
    assert links == {run.run_id: run.tags[schema.TRIAL] for run in book.found}
