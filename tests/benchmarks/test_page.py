"""The figures in docs/benchmarks.md are those of the committed reports."""

from benchmarks.page import PAGE, read_reports, rendered
from benchmarks.result import Report

TEMPLATE = """\
prose
<!-- figures: machine -->
<!-- end -->
<!-- figures: kernel -->
old figures
<!-- end -->
<!-- figures: sweep -->
<!-- end -->
more prose
"""


def test_figures_stand_in_their_places_and_prose_stays(report: Report) -> None:
    page = rendered(TEMPLATE, {"kernel": report})
    assert page.startswith("prose\n") and page.endswith("more prose\n")
    assert "| baseline | 0.60 s |" in page and "old figures" not in page
    assert "`python -m benchmarks.kernel`, 2026-11-22, 2 minutes; load before it 0.1" in page
    assert "- kernel: Abacus, 2 cores, 23.5 GiB, Linux; python 3.11.7, keras 3.15.1" in page
    assert "<!-- figures: sweep -->\nNot measured yet.\n<!-- end -->" in page
    assert rendered(page, {"kernel": report}) == page


def test_the_page_agrees_with_the_reports() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert rendered(page, read_reports()) == page, "run: python -m benchmarks.page"


def test_the_reports_are_full_runs() -> None:
    assert [name for name, report in read_reports().items() if report.quick] == []
