"""Formats tables as text: no cell is cut, and a line below counts columns that do not fit."""

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console

from besom.common.text import printable

GAP = 2
ALWAYS = 0
"""The rank of columns that are never left out."""


@dataclass(frozen=True)
class Column:
    """A column's name and its cells, one for each row.

    Attributes:
        rank: where there is no room, columns of the highest rank are left out first, and of these
            the last one.
        is_text: whether cells are aligned at the left, as text; numbers are aligned at the right.
    """

    name: str
    cells: Sequence[str]
    rank: int = ALWAYS
    is_text: bool = False

    def head(self, is_broken: bool) -> list[str]:
        """Return the lines of the name, broken between words: after ``_`` and ``.``."""
        return re.findall(r"[^_.]*[_.]*", self.name)[:-1] if is_broken else [self.name]

    def width(self, is_broken: bool) -> int:
        """Return the width of the widest line, in cells of a terminal."""
        return max(map(cell_len, (*self.head(is_broken), *self.cells)), default=0)


def terminal_width() -> int | None:
    """Return the terminal's width; None without a terminal, so that lines may have any length."""
    return Console().width if sys.stdout.isatty() else None


def table(columns: Sequence[Column], width: int | None) -> tuple[list[str], int]:
    """Return the lines of a table, and how many of its columns are left out.

    Args:
        width: the terminal's; None where there is none. Columns of rank ALWAYS may exceed it.

    Examples:
        >>> units, loss = Column("units", ["8", "16"]), Column("val_loss", ["0.25", "0.0004073"])
        >>> print("\\n".join(table([units, loss], width=80)[0]))
        units   val_loss
        ────────────────
            8       0.25
           16  0.0004073
    """
    columns = [_printable(column) for column in columns]
    kept, is_broken = _fitting(columns, width)
    heads = [column.head(is_broken) for column in kept]
    height = max(map(len, heads))
    lines = [[""] * (height - len(head)) + head for head in heads]
    widths = [column.width(is_broken) for column in kept]
    cells = zip(*(column.cells for column in kept), strict=True)

    def line(texts: Sequence[str]) -> str:
        placed = (
            _placed(text, size, column.is_text)
            for text, size, column in zip(texts, widths, kept, strict=True)
        )
        return (" " * GAP).join(placed).rstrip()

    rule = "─" * (sum(widths) + GAP * (len(widths) - 1))
    shown = [*map(line, zip(*lines, strict=True)), rule, *map(line, cells)]
    return shown, len(columns) - len(kept)


def left_out(count: int, everything: str) -> str:
    """Return the line about columns that are left out.

    Args:
        everything: the command or file that has all columns.
    """
    return f"{count} column{'s' * (count > 1)} left out for the width; {everything} has all"


def _printable(column: Column) -> Column:
    cells = [printable(cell) for cell in column.cells]
    return Column(printable(column.name), cells, column.rank, column.is_text)


def _fitting(columns: Sequence[Column], width: int | None) -> tuple[list[Column], bool]:
    """Return the columns that fit, and whether their names are broken into lines."""
    kept = list(columns)
    while width is not None:
        for is_broken in (False, True):
            widths = [column.width(is_broken) for column in kept]
            if sum(widths) + GAP * (len(widths) - 1) <= width:
                return kept, is_broken
        last = max(range(len(kept)), key=lambda place: (kept[place].rank, place))
        if kept[last].rank == ALWAYS:
            return kept, True
        del kept[last]
    return kept, False


def _placed(text: str, width: int, is_text: bool) -> str:
    space = " " * (width - cell_len(text))
    return text + space if is_text else space + text
