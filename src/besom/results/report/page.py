"""One HTML file that tells what a study has taught, without a reference to anything outside."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path

from besom.common.errors import StoreError
from besom.results.report.data import Material, read_material
from besom.results.report.figures import (
    history,
    importance,
    learning,
    parallel,
    seeds,
    slices,
    time_spent,
)
from besom.results.report.figures.base import labels
from besom.results.report.markup import Markup, element
from besom.results.report.sections import configuration, failures, surroundings, verdict
from besom.results.report.sections.section import Section
from besom.results.studies import StudyRecord
from besom.tracking.reader import Reader

# In the order in which they are read.
SECTIONS: tuple[Callable[[Material], Section | None], ...] = (
    verdict.section,
    seeds.section,
    history.section,
    learning.section,
    importance.section,
    slices.section,
    parallel.section,
    time_spent.section,
    failures.section,
    configuration.section,
    surroundings.section,
)
# Nothing is fetched, whatever the record holds; Plotly sets styles and draws into images.
POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:"
PLOTLY = "plotly-basic.min.js"
"""Scatter, bar and pie: npm's ``plotly.js-basic-dist-min`` as it is. All of Plotly, as the Python
package brings it, is four times as long, and keeps a browser busy for a second before it draws."""
STATES = ("complete", "pruned", "failed", "running")


def write_report(reader: Reader, study_name: str, file: Path) -> StudyRecord:
    """Write the report of a study; an older file of that name is replaced.

    Returns:
        The study, as it was read.

    Raises:
        StudyError: there is no such study, or no trial of it has ended.
        StoreError: the file cannot be written.
    """
    material = read_material(reader, study_name)
    text = report_html(material)
    try:
        file.write_text(text, encoding="utf-8", errors="replace")
    except OSError as error:
        raise StoreError(
            f"--output {file} cannot be written ({error.strerror}); name a file in a folder of "
            "your own"
        ) from error
    return material.study


def report_html(material: Material) -> str:
    """The report of a study as HTML."""
    sections = [found for make in SECTIONS if (found := make(material))]
    return f"<!doctype html>\n{_document(material, sections)}\n"


def _document(material: Material, sections: list[Section]) -> Markup:
    title = f"{material.study.name}: Besom report"
    head = [
        Markup('<meta charset="utf-8">'),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'),
        Markup('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        element("title", title),
        element("style", Markup(_asset("report.css"))),
    ]
    body = [
        element(
            "header", element("h1", material.study.name), _summary(material), _contents(sections)
        ),
        element("main", *(section.html() for section in sections)),
        element("footer", element("p", *_foot())),
        element("noscript", element("p", "The figures need JavaScript; the tables do not.")),
        labels(material),
        # At the end, so that the text is there before it.
        element("script", Markup(_asset(PLOTLY))),
        element("script", Markup(_asset("report.js"))),
    ]
    return element("html", element("head", *head), element("body", *body), lang="en")


def _summary(material: Material) -> Markup:
    """What kind of study this is, in a line."""
    objective = ", ".join(f"{one.name} ({one.direction})" for one in material.objectives)
    states = [f"{material.n_states[s]} {s}" for s in STATES if material.n_states[s]]
    parts = [
        f"{len(material.study.trials)} trials: {', '.join(states)}",
        objective,
        _when(material),
    ]
    if material.n_left_out:
        parts.append(f"{material.n_left_out} more were made by other source code, and do not count")
    return element("p", " · ".join(parts), class_="summary")


def _when(material: Material) -> str:
    parent = material.study.parent
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
