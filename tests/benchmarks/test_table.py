"""Rows as tables, in Markdown and for a terminal."""

import pytest

from benchmarks import table
from benchmarks.result import Report


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (0.000123, "0.00012"),
        (0.0456, "0.046"),
        (0.5, "0.50"),
        (4.5678, "4.57"),
        (45.678, "45.7"),
        (4567.8, "4568"),
        (-0.5, "-0.50"),
    ],
)
def test_numbers_are_short(value: float, shown: str) -> None:
    assert table.number(value) == shown


def test_markdown_says_medians_ratio_spread_goal_and_verdict(report: Report) -> None:
    assert table.markdown(report.rows).splitlines()[2:] == [
        "| baseline | 0.60 s | 2.60 s (stock model.fit) | 4.33× | 4.00 – 4.80 | ≥ 4× | reached |",
        "| compiling (once) | 1.25 s |  | 1.25 s |  | ≤ 0.5 s | missed |",
    ]


def test_a_terminal_gets_aligned_columns(report: Report) -> None:
    heading, *rows = table.text(report.rows).splitlines()
    assert {row.index("s") for row in rows if "s" in row}
    assert [row[heading.index("goal") :][0] for row in rows] == ["≥", "≤"]
