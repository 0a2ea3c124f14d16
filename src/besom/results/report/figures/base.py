"""What all figures share: colours, axes, scales of parameters, and placement in the page."""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Self

from plotly import graph_objects as go

from besom.common.text import shorten
from besom.results.report.markup import Markup, element

LOG_RATIO = 100
"""Positive numbers get a log scale if the largest is at least this many times the smallest, or if
they were searched on one."""
FEW = 8
"""Up to this many different numbers, the axis has a tick for each."""
# Readable on white and on black, distinguishable for the colour-blind. report.css has the others.
BEST = "#2a78d6"
BASELINE = "#e07b1a"
TRIAL = "#7f8a99"
PRUNED = "#b4689c"
INFEASIBLE = "#c0392b"
INFEASIBLE_DOTS = {"color": INFEASIBLE, "size": 7, "symbol": "circle-open"}
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"
LONGEST = 60


@dataclass(frozen=True)
class Scale:
    """The axis of a parameter: numbers by value, everything else as choices at equal distances.

    Attributes:
        choices: the values of a parameter that is not a number, as sorted text; else empty.
        numbers: the different values of a number, sorted; else empty.
        searched_on_log: whether it was searched on a log scale.
    """

    key: str
    choices: tuple[str, ...]
    numbers: tuple[float, ...]
    searched_on_log: bool = False

    @classmethod
    def of(cls, key: str, values: Iterable[Any], searched_on_log: bool = False) -> Self:
        """Return the scale of these values."""
        found = list(values)
        if all(map(_is_number, found)):
            return cls(key, (), tuple(sorted(set(found))), searched_on_log)
        return cls(key, tuple(sorted(set(map(str, found)))), ())

    @property
    def differs(self) -> bool:
        return len(self.choices) + len(self.numbers) > 1

    @property
    def is_log(self) -> bool:
        return (
            len(self.numbers) > 1
            and self.numbers[0] > 0
            and (self.searched_on_log or self.numbers[-1] / self.numbers[0] >= LOG_RATIO)
        )

    def place(self, value: Any) -> float:
        """Return the position of a value on a linear axis; on a log scale, its logarithm."""
        if self.choices:
            return self.choices.index(str(value))
        return float(math.log10(value)) if self.is_log else float(value)

    def ticks(self) -> tuple[Sequence[float], Sequence[str]]:
        """Return the positions of the ticks, and their labels."""
        if self.choices:
            return range(len(self.choices)), self.choices
        marks = self.numbers if len(self.numbers) <= FEW else self._round_marks()
        return [self.place(mark) for mark in marks], list(map(_plain, marks))

    def ends(self) -> tuple[float, float]:
        """Return the positions of the least and the greatest value."""
        if self.choices:
            return 0, len(self.choices) - 1
        return self.place(self.numbers[0]), self.place(self.numbers[-1])

    def share(self, value: Any) -> float:
        """Return the position of a value between the ends, from 0 to 1."""
        low, high = self.ends()
        return (self.place(value) - low) / (high - low)

    def _round_marks(self) -> list[float]:
        """Return a few round numbers between the ends."""
        low, high = self.ends()
        if self.is_log:
            factors = (1,) if high - low >= 2 else (1, 2, 5)
            powers = range(math.floor(low), math.ceil(high) + 1)
            marks = [factor * 10.0**power for power in powers for factor in factors]
            inside = [mark for mark in marks if low <= math.log10(mark) <= high]
            return inside if len(inside) > 1 else [10**low, 10**high]
        step = _round_up((high - low) / 5)
        first, last = math.ceil(low / step), math.floor(high / step)
        return [place * step for place in range(first, last + 1)]


def _round_up(width: float) -> float:
    """Return the least of …, 0.1, 0.2, 0.5, 1, 2, 5, 10, … that is not smaller."""
    power = 10.0 ** math.floor(math.log10(width))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= width * 0.999)


def _plain(mark: float) -> str:
    """Return a number with three digits, without an exponent below a million: ``10000``."""
    return str(mark) if isinstance(mark, int) else f"{float(f'{mark:.3g}'):g}"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def dots(name: str, trials: Sequence[str], x: Sequence[Any], y: Sequence[Any], **more: Any) -> Any:
    """Return dots that show the labels of their trials; ``trials`` has the trials' numbers."""
    return go.Scatter(
        name=name,
        x=list(x),
        y=list(y),
        customdata=list(trials),
        mode="markers",
        hoverinfo="text",
        **more,
    )


def line(name: str, x: Sequence[Any], y: Sequence[Any], **more: Any) -> Any:
    """Return a line; None in ``y`` interrupts it."""
    options = {"hoverinfo": "skip", "connectgaps": False} | more
    return go.Scatter(name=name, x=list(x), y=list(y), mode="lines", **options)


def frame(traces: Sequence[Any], x: str, y: str, **layout: Any) -> Any:
    """Return a figure with titles at its axes, which may be names of parameters."""
    plain = {
        "template": "none",
        "autosize": True,
        "font": {"family": FONT, "size": 12},
        "margin": {"l": 56, "r": 16, "t": 16, "b": 44},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "hovermode": "closest",
        "showlegend": False,
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        "hoverlabel": {"align": "left"},
        "xaxis": axis(x),
        "yaxis": axis(y),
    }
    return go.Figure(list(traces), plain | layout)


def axis(title: str, **more: Any) -> dict[str, Any]:
    return {
        "title": {"text": escape(title), "standoff": 8},
        "automargin": True,
        "zeroline": False,
    } | more


def scaled_axis(title: str, scale: Scale) -> dict[str, Any]:
    """Return an axis with the ticks and the range of a parameter's scale."""
    places, texts = scale.ticks()
    low, high = scale.ends()
    margin = 0.5 if scale.choices else (high - low) * 0.06
    return axis(
        title,
        tickmode="array",
        tickvals=list(places),
        ticktext=[short(text) for text in texts],
        ticklabeloverflow="allow",  # otherwise Plotly leaves out labels that do not fit
        range=[low - margin, high + margin],
    )


def place(
    figure: Any, name: str, caption: str, height: int = 340, captioned: bool = True
) -> Markup:
    """Return a figure as part of the page: an empty box, its data, and its caption.

    Args:
        name: the id of the figure, unique in the page.
        caption: the description for screen readers; if ``captioned``, also shown below the figure.
    """
    data = json.dumps(figure.to_plotly_json(), default=_as_list).replace("<", "\\u003c")
    return element(
        "figure",
        element("div", id=name, class_="plot", role="img", aria_label=caption, style=_high(height)),
        Markup(f'<script type="application/json" id="{escape(name)}-data">{data}</script>'),
        element("figcaption", caption) if captioned else "",
    )


def short(text: str) -> str:
    """Shorten and escape a text for a label, which Plotly reads as HTML."""
    return escape(shorten(text, LONGEST))


def _high(pixels: int) -> str:
    return f"height:{pixels}px"


def _as_list(value: Any) -> Any:
    """Turn ranges and arrays, which Plotly keeps as they are, into lists for JSON."""
    return list(value)
