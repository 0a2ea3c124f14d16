"""The results of a benchmark: rows of samples with their goals, and how they were measured."""

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import product
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Goal:
    """The goal of a row's figure.

    Attributes:
        limit: the limit in the figure's unit: times for a ratio, else the row's unit.
        at_least: whether more is better; for a duration it is False.
    """

    limit: float
    at_least: bool = True

    def reached(self, figure: float) -> bool:
        return figure >= self.limit if self.at_least else figure <= self.limit


@dataclass(frozen=True)
class Row:
    """One thing measured several times, with or without a peer.

    Attributes:
        what: the name of the row in the table: ``baseline``, ``besom --help``.
        ours: one sample for each repetition, in ``unit``.
        peer: the peer's samples from the same repetitions, or fewer for a slow peer; empty without
            a peer.
        peer_name: the name of the peer.
        unit: the unit of the samples; a ratio has none.
        goal: the goal of the ratio or, without a peer, of the median of ``ours``.
        note: a remark that the reader of the table needs.
        details: further figures, kept in the JSON only.
    """

    what: str
    ours: Sequence[float]
    peer: Sequence[float] = ()
    peer_name: str = ""
    unit: str = "s"
    goal: Goal | None = None
    note: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_ratio(self) -> bool:
        return bool(self.peer)

    @property
    def figure(self) -> float:
        """The median of the peer divided by that of ours, or without a peer the median of ours."""
        ours = statistics.median(self.ours)
        return statistics.median(self.peer) / ours if self.is_ratio else ours

    @property
    def spread(self) -> tuple[float, float]:
        """The least and greatest figure, of the repetitions; of all pairs if the peer has fewer."""
        if not self.is_ratio:
            return min(self.ours), max(self.ours)
        paired = len(self.ours) == len(self.peer)
        pairs = zip(self.ours, self.peer, strict=True) if paired else product(self.ours, self.peer)
        ratios = [peer / ours for ours, peer in pairs]
        return min(ratios), max(ratios)

    @property
    def reached(self) -> bool | None:
        """Whether the goal is reached; None without a goal."""
        return self.goal.reached(self.figure) if self.goal else None


@dataclass(frozen=True)
class Report:
    """What one script has measured, and where.

    Attributes:
        name: the name of the script: ``kernel``.
        quick: whether it measured fewer configurations and repetitions.
        command: the command that made the report.
        date: the start, in ISO 8601.
        seconds: the seconds of the whole script.
        machine: cores, processor, memory, and the load before the start.
        versions: the versions of Python and the libraries.
    """

    name: str
    rows: Sequence[Row]
    quick: bool
    command: str
    date: str
    seconds: float
    machine: Mapping[str, Any]
    versions: Mapping[str, str]


def write(report: Report, path: Path) -> None:
    """Write the report as JSON, with each row's figures beside its samples."""
    content = asdict(report)
    for written, row in zip(content["rows"], report.rows, strict=True):
        written |= {"figure": row.figure, "spread": row.spread, "reached": row.reached}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n")


def read(path: Path) -> Report:
    """Return the report that :func:`write` wrote."""
    content = json.loads(path.read_text())
    return Report(**(content | {"rows": [_row(row) for row in content["rows"]]}))


def _row(written: dict[str, Any]) -> Row:
    derived = ("figure", "spread", "reached")
    plain = {key: value for key, value in written.items() if key not in derived}
    return Row(**(plain | {"goal": Goal(**plain["goal"]) if plain["goal"] else None}))
