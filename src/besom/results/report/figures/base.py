"""What all figures share: colours, frames, what is shown beside a point, the way into the page."""

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from plotly import graph_objects as go

from besom.common.text import shorten
from besom.results.report.data import Material
from besom.results.report.figures.scale import Scale
from besom.results.report.markup import Markup, element, show
from besom.results.studies import Trial

# Readable on white and on black; report.css colours everything else. Apart for the colour-blind.
BEST = "#2a78d6"
BASELINE = "#e07b1a"
TRIAL = "#7f8a99"
PRUNED = "#b4689c"

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"
LONGEST = 60
MOST_PARAMS = 16


def dots(name: str, trials: Sequence[str], x: Sequence[Any], y: Sequence[Any], **more: Any) -> Any:
    """Dots that show the parameters of their trials, which are given by number."""
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
    """A line; None in ``y`` interrupts it."""
    options = {"hoverinfo": "skip", "connectgaps": False} | more
    return go.Scatter(name=name, x=list(x), y=list(y), mode="lines", **options)


def frame(traces: Sequence[Any], x: str, y: str, **layout: Any) -> Any:
    """A figure with titles at its axes, which may be the names of parameters."""
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
    """An axis on which a parameter lies."""
    places, texts = scale.ticks()
    low, high = scale.ends()
    margin = (high - low) * 0.06
    return axis(
        title,
        tickmode="array",
        tickvals=list(places),
        ticktext=[_short(text) for text in texts],
        range=[low - margin, high + margin],
    )


def place(
    figure: Any, name: str, caption: str, height: int = 340, captioned: bool = True
) -> Markup:
    """A figure in the page: where it is drawn when it comes into view, and what it shows.

    Args:
        name: unlike that of any other figure of the page.
        caption: read to those who do not see the figure; below it where ``captioned``.
    """
    data = json.dumps(figure.to_plotly_json(), default=_as_list).replace("<", "\\u003c")
    return element(
        "figure",
        element("div", id=name, class_="plot", role="img", aria_label=caption, style=_high(height)),
        Markup(f'<script type="application/json" id="{escape(name)}-data">{data}</script>'),
        element("figcaption", caption) if captioned else "",
    )


def labels(material: Material) -> Markup:
    """What is shown beside the points of each trial; once for all figures."""
    found = {trial.name: _label(material, trial) for trial in material.shown}
    data = json.dumps(found).replace("<", "\\u003c")
    return Markup(f'<script type="application/json" id="labels">{data}</script>')


def _label(material: Material, trial: Trial) -> str:
    """State, objectives and parameters, a line each, in Plotly's own small HTML."""
    keys = [scale.key for scale in material.scales if scale.key in trial.params]
    shown: Mapping[str, Any] = {
        objective.name: trial.metrics.get(objective.name) for objective in material.objectives
    } | {key: trial.params[key] for key in keys[:MOST_PARAMS]}
    lines = [f"{escape(key)} = {_short(show(value))}" for key, value in shown.items()]
    more = [] if len(keys) <= MOST_PARAMS else [f"… and {len(keys) - MOST_PARAMS} more"]
    return "<br>".join([f"<b>{material.name(trial)}</b> ({trial.state})", *lines, *more])


def _short(text: str) -> str:
    return escape(shorten(text, LONGEST))


def _high(pixels: int) -> str:
    return f"height:{pixels}px"


def _as_list(value: Any) -> Any:
    """Ranges and arrays that Plotly keeps as they were given."""
    return list(value)
