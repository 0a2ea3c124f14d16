"""Tests the report in a real browser: no errors, no requests, interactive figures."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from besom.results.report.page import write_report
from besom.tracking import schema
from tests.browser import chromium, needs_browser
from tests.results.report.conftest import Book, many

pytestmark = needs_browser

WIDE, NARROW = {"width": 1400, "height": 900}, {"width": 390, "height": 800}


@dataclass
class Tab:
    """A page with the errors and warnings of its browser, and its requests."""

    page: Any
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def open(self, file: Path) -> None:
        self.page.on("console", lambda message: self._hear(message.type, message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(file.as_uri())

    def _hear(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.complaints.append(text)

    def show(self, name: str) -> Any:
        """Scroll to a figure, and return it when it is drawn."""
        figure = self.page.locator(f"#{name}")
        figure.scroll_into_view_if_needed()
        figure.locator(".main-svg").first.wait_for()
        return figure


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("report") / "report.html"
    write_report(confirmed(), "many", file)
    return file


def confirmed() -> Book:
    """Make a study whose report has every section."""
    book = many(40)
    book.trial(40, {"model.units": 8}, {}, "failed", **{schema.ERROR: "ValueError: too much"})
    values = {0: [0.8, 0.79, 0.81], 7: [0.84, 0.82, 0.83], 15: [0.7, 0.75, 0.72]}
    book.conclude("Trial 7 beats the baseline.", values, challenger=7)
    return book


@pytest.fixture(scope="module")
def opened(browser: Any, file: Path) -> Tab:
    """Open the page once for all tests, since drawing its figures takes seconds."""
    tab = Tab(browser.new_page(viewport=WIDE))
    tab.open(file)
    return tab


@pytest.fixture
def tab(opened: Tab) -> Iterator[Tab]:
    """Return the page, wide and light on a screen. Each test clicks elsewhere, as all share it."""
    opened.page.set_viewport_size(WIDE)
    opened.page.emulate_media(media="screen", color_scheme="light")
    opened.complaints.clear()
    yield opened
    assert opened.complaints == []
    assert [url for url in opened.requests if not url.startswith(("file:", "data:", "blob:"))] == []


def test_every_figure_is_drawn_once_the_page_is_loaded(tab: Tab) -> None:
    """So a screenshot of the whole page shows all figures."""
    drawn = """() => [...document.querySelectorAll(".plot")].map(
        plot => plot.querySelectorAll(".main-svg path").length)"""
    counts = tab.page.evaluate(drawn)
    assert len(counts) == 16
    assert min(counts) > 0


def test_a_click_on_a_head_sorts_the_trials(tab: Tab) -> None:
    rows = tab.page.locator("#trials tbody tr:not([hidden])")
    assert rows.count() == 41

    def column(number: int) -> list[str]:
        return list(rows.locator(f"> :nth-child({number})").all_text_contents())

    def click(name: str) -> None:
        tab.page.locator("#trials thead button", has_text=name).click()

    best_first = [
        float(text) for text, state in zip(column(2), column(3), strict=True) if state == "complete"
    ]
    assert best_first == sorted(best_first, reverse=True)
    click("trial")
    assert [int(text.split()[0]) for text in column(1)] == list(range(41))
    click("val_accuracy")
    *values, missing = column(2)
    assert [float(text) for text in values] == sorted(map(float, values)) and missing == "–"
    click("val_accuracy")
    assert column(2) == [*sorted(values, key=float, reverse=True), "–"]
    assert tab.page.locator("#trials th[aria-sort=descending]").inner_text().startswith("val_acc")
    click("time")
    seconds = [float(text.removesuffix(" s")) for text in column(10)]
    assert seconds == sorted(seconds)


def test_a_long_table_shows_its_first_rows_until_it_is_asked_for_all(
    browser: Any, tmp_path: Path
) -> None:
    file = tmp_path / "long.html"
    write_report(many(120), "many", file)
    tab = Tab(browser.new_page(viewport=WIDE))
    tab.open(file)
    rows = tab.page.locator("#trials tbody tr:visible")
    assert rows.count() == 50
    tab.page.get_by_role("button", name="trial", exact=True).click()
    assert rows.count() == 50 and rows.first.locator("th").inner_text() == "0 baseline"
    tab.page.emulate_media(media="print")
    assert rows.count() == 120
    tab.page.emulate_media(media="screen")
    tab.page.get_by_role("button", name="show all 120").click()
    assert rows.count() == 120
    tab.page.close()


def test_a_wider_window_leaves_no_legend_over_the_bars(tab: Tab) -> None:
    top = """() => {
        const plot = document.querySelector("#timeline");
        const places = ["g[class^=legend]", ".bglayer"].map(
            (name) => plot.querySelector(name).getBoundingClientRect());
        return places[1].top + 1 - places[0].bottom;
    }"""
    room = tab.page.evaluate(top)
    tab.page.set_viewport_size(NARROW)
    tab.page.wait_for_function(
        "() => document.querySelector('#timeline .main-svg').width.baseVal.value < 390"
    )
    tab.page.set_viewport_size(WIDE)
    tab.page.wait_for_function(f"room => ({top})() === room", arg=room)


def test_on_paper_the_heads_of_tables_hold_texts_that_repeat(tab: Tab) -> None:
    tab.page.emulate_media(media="print")
    style = "(one, name) => getComputedStyle(one)[name]"
    head = tab.page.locator("#trials thead")
    assert head.evaluate(style, "display") == "table-header-group"
    assert head.locator("button").first.evaluate(style, "display") == "contents"
    short = tab.page.locator("#seeds .scroll")
    assert short.evaluate(style, "breakInside") == "avoid"
    assert tab.page.locator("#trials .scroll").evaluate(style, "breakInside") == "auto"


@pytest.mark.parametrize("name", ["history-figure", "slice-0"])
def test_a_point_shows_the_parameters_of_its_trial(name: str, tab: Tab) -> None:
    figure = tab.show(name)
    figure.locator(".scatterlayer .points path").first.hover(force=True)
    label = figure.locator(".hoverlayer .hovertext")
    label.wait_for()
    assert "trial " in label.text_content()
    assert "model.units = " in label.text_content()


def test_a_bar_of_the_timeline_says_what_it_is(tab: Tab) -> None:
    figure = tab.show("timeline")
    figure.locator(".barlayer .point path").first.hover(force=True)
    label = figure.locator(".hoverlayer .hovertext")
    label.wait_for()
    assert "compiling, set-up" in label.text_content()


def test_a_click_on_the_legend_hides_a_group(tab: Tab) -> None:
    figure = tab.show("parallel-figure")
    before = figure.locator(".scatterlayer .js-line").count()
    figure.locator(".legendtoggle").first.click()
    tab.page.wait_for_function(
        "before => document.querySelectorAll('#parallel-figure .scatterlayer .js-line').length"
        " < before",
        arg=before,
    )


def test_a_narrow_window_holds_everything_and_cuts_nothing(tab: Tab) -> None:
    tab.page.set_viewport_size(NARROW)
    tab.page.wait_for_function(
        "() => document.querySelector('#slice-0 .main-svg').getBoundingClientRect().width <= 390"
    )
    assert tab.page.evaluate("document.documentElement.scrollWidth") == NARROW["width"]
    scrolled = """() => [...document.querySelectorAll("main *")].filter(
        one => one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).overflowX === "auto"
    ).length"""
    assert tab.page.evaluate(scrolled) == 0
    best = tab.page.locator("#trials tbody tr").first
    assert "val_accuracy" in best.locator("td").first.evaluate(
        "cell => getComputedStyle(cell, '::before').content"
    )


def test_figures_follow_the_page_into_the_dark(tab: Tab) -> None:
    tab.show("history-figure")
    for scheme, fill in (("dark", "rgb(228, 232, 236)"), ("light", "rgb(28, 33, 39)")):
        tab.page.emulate_media(color_scheme=scheme)
        tab.page.wait_for_function(  # the figure is drawn again
            """fill => {
                const text = document.querySelector("#history-figure .xtick text");
                return text && getComputedStyle(text).fill === fill;
            }""",
            arg=fill,
        )


def test_paper_shows_all_figures(tab: Tab, tmp_path: Path) -> None:
    tab.page.pdf(path=tmp_path / "report.pdf", format="A4")
    assert tab.page.locator(".plot .main-svg").count() >= 16
