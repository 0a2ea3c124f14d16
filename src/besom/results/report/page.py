"""Builds a report: one HTML file that loads nothing from outside."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

from besom.common.errors import StoreError
from besom.results.report.data import ReportData, read_report_data
from besom.results.report.figures.base import short
from besom.results.report.figures.history import curves, history
from besom.results.report.figures.parameters import importances, parallel, slices
from besom.results.report.figures.seeds import confirmation
from besom.results.report.figures.time_spent import time_spent
from besom.results.report.markup import Markup, Section, element, show
from besom.results.report.sections import configuration, environment, failures, verdict
from besom.results.report.trials import trials
from besom.results.studies import StudyRecord, Trial
from besom.tracking.reader import Reader

# In the order in which they are read.
SECTIONS: tuple[Callable[[ReportData], Section | None], ...] = (
    verdict,
    confirmation,
    history,
    curves,
    importances,
    slices,
    parallel,
    trials,
    time_spent,
    failures,
    configuration,
    environment,
)
# The page can load nothing, whatever the record contains. Plotly sets styles and makes images.
POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:"
PLOTLY = "plotly-basic.min.js"
"""Unchanged from npm's ``plotly.js-basic-dist-min``: scatter, bar and pie. All of Plotly, as in the
Python package, is four times as long, and a browser needs a second to load it before it draws."""
MOST_PARAMS = 16
"""The largest number of parameters in the label of a point."""
STATES = ("complete", "pruned", "failed", "running")


def write_report(reader: Reader, study_name: str, file: Path) -> StudyRecord:
    """Write the report of a study, and replace an older file of that name.

    Returns:
        The study as it was read.

    Raises:
        StudyError: there is no such study, or none of its trials has ended.
        StoreError: the file cannot be written.
    """
    report = read_report_data(reader, study_name)
    text = report_html(report)
    try:
        file.write_text(text, encoding="utf-8", errors="replace")
    except OSError as error:
        raise StoreError(
            f"--output {file} cannot be written ({error.strerror}); name a file in a folder of "
            "your own"
        ) from error
    return report.study


def report_html(report: ReportData) -> str:
    """Return the report of a study as HTML."""
    sections = [found for make in SECTIONS if (found := make(report))]
    return f"<!doctype html>\n{_document(report, sections)}\n"


def _document(report: ReportData, sections: list[Section]) -> Markup:
    title = f"{report.study.name}: Besom report"
    head = [
        Markup('<meta charset="utf-8">'),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'),
        Markup('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        element("title", title),
        element("style", Markup(_asset("report.css"))),
    ]
    body = [
        element("header", element("h1", report.study.name), _summary(report), _contents(sections)),
        element("main", *(section.html() for section in sections)),
        element("footer", element("p", *_foot())),
        element("noscript", element("p", "The figures need JavaScript; the tables do not.")),
        _labels(report),
        # Scripts come last, so that the text is shown before they run.
        element("script", Markup(_asset(PLOTLY))),
        element("script", Markup(_asset("report.js"))),
    ]
    return element("html", element("head", *head), element("body", *body), lang="en")


def _labels(report: ReportData) -> Markup:
    """Return the labels of trials for the points of all figures."""
    found = {trial.name: _label(report, trial) for trial in report.shown}
    data = json.dumps(found).replace("<", "\\u003c")
    return Markup(f'<script type="application/json" id="labels">{data}</script>')


def _label(report: ReportData, trial: Trial) -> str:
    """Return a trial's state, objectives and parameters, one a line, in Plotly's subset of HTML."""
    keys = [scale.key for scale in report.scales if scale.key in trial.params]
    shown: Mapping[str, Any] = {
        objective.name: trial.metrics.get(objective.name) for objective in report.objectives
    } | {key: trial.params[key] for key in keys[:MOST_PARAMS]}
    lines = [f"{escape(key)} = {short(show(value))}" for key, value in shown.items()]
    more = [] if len(keys) <= MOST_PARAMS else [f"… and {len(keys) - MOST_PARAMS} more"]
    head = f"<b>{report.name(trial)}</b> ({trial.standing})"
    why = [escape(trial.infeasible)] if trial.infeasible else []
    return "<br>".join([head, *why, *lines, *more])


def _summary(report: ReportData) -> Markup:
    """Return a line that sums up the study: trials, states, objectives, constraints, times."""
    objective = ", ".join(f"{one.name} ({one.direction})" for one in report.objectives)
    states = [f"{report.n_states[s]} {s}" for s in STATES if report.n_states[s]]
    if report.infeasible:
        states.append(f"{len(report.infeasible)} of the complete infeasible")
    parts = [
        f"{len(report.study.trials)} trials: {', '.join(states)}",
        objective,
        *([f"feasible: {report.study.constraints}"] if report.study.constraints else []),
        _when(report),
    ]
    if report.n_left_out:
        parts.append(f"{report.n_left_out} more were made by other source code, and do not count")
    return element("p", " · ".join(parts), class_="summary")


def _when(report: ReportData) -> str:
    parent = report.study.parent
    ended = "not ended" if parent.ended is None else f"ended {_clock(parent.ended)}"
    return f"begun {_clock(parent.started)}, {ended}"


def _clock(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _contents(sections: list[Section]) -> Markup:
    links = [element("a", section.title, href=f"#{section.name}") for section in sections]
    return element("nav", *links)


def _foot() -> Iterator[object]:
    yield f"Written {_clock(time.time())} by "
    yield element("code", "besom report")
    yield ", from the MLflow record."


@cache
def _asset(name: str) -> str:
    return files("besom.results.report").joinpath(name).read_text(encoding="utf-8")
