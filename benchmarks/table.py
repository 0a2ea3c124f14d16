"""Formats rows of figures as a table, for a terminal or in Markdown."""

import math
import statistics
from collections.abc import Sequence

from benchmarks.result import Row

HEADINGS = ("", "ours", "peer", "figure", "spread", "goal", "")
_VERDICTS = {None: "", True: "reached", False: "missed"}


def cells(row: Row) -> tuple[str, ...]:
    """Return the row's texts, one for each of ``HEADINGS``; samples are shown by their median."""
    unit = "×" if row.is_ratio else f" {row.unit}"
    once = ", one run" if len(row.peer) == 1 else ""
    peer = f"{_median(row.peer, row.unit)} ({row.peer_name}{once})" if row.is_ratio else ""
    low, high = row.spread
    return (
        row.what + (f" ({row.note})" if row.note else ""),
        _median(row.ours, row.unit),
        peer,
        f"{number(row.figure)}{unit}",
        f"{number(low)} – {number(high)}" if len(row.ours) > 1 else "",
        f"{'≥' if row.goal.at_least else '≤'} {row.goal.limit:g}{unit}" if row.goal else "",
        _VERDICTS[row.reached],
    )


def _median(samples: Sequence[float], unit: str) -> str:
    median = statistics.median(samples)
    return "never" if math.isinf(median) else f"{number(median)} {unit}"


def number(value: float) -> str:
    """Format with three significant digits, two below 1, no exponent; infinity is ``never``."""
    size = abs(value)
    if math.isinf(size):
        return "never"
    if size == 0 or size >= 100:
        return f"{value:.0f}"
    if size >= 10:
        return f"{value:.1f}"
    return f"{value:.{2 if size >= 0.1 else 1 - math.floor(math.log10(size))}f}"


def text(rows: Sequence[Row]) -> str:
    """Return a table with aligned columns, for a terminal."""
    lines = [HEADINGS, *map(cells, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def markdown(rows: Sequence[Row]) -> str:
    """Return a table in Markdown."""
    lines = [HEADINGS, ("---",) * len(HEADINGS), *map(cells, rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
