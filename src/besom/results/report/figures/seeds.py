"""The figures and the table of the confirmation: each configuration's results, seed by seed."""

from collections.abc import Mapping, Sequence
from typing import Any

from besom.results.report.data import ReportData
from besom.results.report.figures.base import BASELINE, BEST, TRIAL, axis, dots, frame, place
from besom.results.report.markup import Markup, Section, element, join, show, table
from besom.sweep.confirmation.statistics import Estimate, estimate

MARGIN = 0.06
Values = Sequence[float]
"""A number for each seed, in the seeds' order."""


def confirmation(report: ReportData) -> Section | None:
    """Return values and differences to the baseline on the same seeds; None before a verdict."""
    if not report.verdict:
        return None
    values = _values(report)
    differences = _differences(values, report.verdict["baseline"])
    means = {number: estimate(found) for number, found in values.items()}
    apart = {number: estimate(found) for number, found in differences.items()}
    apart[_challenger(report)] = Estimate(**report.verdict["difference"])
    figures = [
        _values_figure(report, values, means),
        _differences_figure(report, differences, apart),
    ]
    body = [element("div", *figures, class_="grid"), _table(report, values, means, apart)]
    return Section("seeds", "Confirmation", join(body))


def _values(report: ReportData) -> dict[int, Values]:
    """Return each trial's values by seed: the baseline first, then the others by rank."""
    found = {int(number): values for number, values in report.verdict["values"].items()}
    first = report.verdict["baseline"]
    return {first: found.pop(first), **found}


def _differences(values: Mapping[int, Values], baseline: int) -> dict[int, Values]:
    """Return the differences between each other trial and the baseline on the same seeds."""
    return {
        number: [one - base for one, base in zip(found, values[baseline], strict=True)]
        for number, found in values.items()
        if number != baseline
    }


def _challenger(report: ReportData) -> int:
    return int(report.verdict.get("challenger", report.verdict["winner"]))


def _values_figure(
    report: ReportData, values: Mapping[int, Values], means: Mapping[int, Estimate]
) -> Markup:
    metric, n_seeds = report.verdict["metric"], len(report.verdict["seeds"])
    caption = (
        f"{metric} of each configuration on the same {n_seeds} fresh seeds: dots are seeds, "
        "diamonds with bars are means with 95 % intervals."
    )
    figure = _rows(report, values, means, axis(metric))
    return place(figure, "seeds-values", caption, _height(values))


def _differences_figure(
    report: ReportData, differences: Mapping[int, Values], apart: Mapping[int, Estimate]
) -> Markup:
    caption = (
        "Difference to the baseline, seed by seed. The interval of the one that is judged is "
        "wider where it was chosen among several."
    )
    bottom = axis(f"{report.verdict['metric']}, less the baseline's", zeroline=True)
    figure = _rows(report, differences, apart, bottom)
    return place(figure, "seeds-differences", caption, _height(differences))


def _height(values: Mapping[int, Values]) -> int:
    return 90 + 56 * len(values)


def _rows(
    report: ReportData,
    values: Mapping[int, Values],
    means: Mapping[int, Estimate],
    bottom: dict[str, Any],
) -> Any:
    """Return a figure with a row for each configuration, the first at the top."""
    rows = {number: -row for row, number in enumerate(values)}
    traces = [
        trace
        for number, found in values.items()
        for trace in _row(report, number, rows[number], found, means[number])
    ]
    names = [_name(report, number) for number in rows]
    left = axis("", tickmode="array", tickvals=list(rows.values()), ticktext=names)
    span = _span(values, means, has_zero=bottom["zeroline"])
    left |= {"range": [0.4 - len(rows), 0.6], "showgrid": False}
    return frame(traces, "", "", xaxis=bottom | {"range": span}, yaxis=left)


def _span(
    values: Mapping[int, Values], means: Mapping[int, Estimate], has_zero: bool
) -> list[float]:
    """Return the range of all drawn values, with a margin.

    If all values are equal, Plotly's own range would be far too wide.
    """
    drawn = [number for found in values.values() for number in found]
    drawn += [0.0] if has_zero else []
    drawn += [end for mean in means.values() for end in (mean.low, mean.high)]
    low, high = min(drawn), max(drawn)
    margin = (high - low) * MARGIN or abs(high) * MARGIN or 1.0
    return [low - margin, high + margin]


def _row(report: ReportData, number: int, row: int, found: Values, mean: Estimate) -> list[Any]:
    color = _color(report, number)
    seeds = [
        f"seed {seed}: {show(value)}"
        for seed, value in zip(report.verdict["seeds"], found, strict=True)
    ]
    bar = {
        "type": "data",
        "symmetric": False,
        "array": [mean.high - mean.mean],
        "arrayminus": [mean.mean - mean.low],
        "color": color,
    }
    single = {"color": color, "size": 7, "opacity": 0.7}
    diamond = {"color": color, "size": 11, "symbol": "diamond"}
    own = [str(number)] * len(found)
    return [
        dots("", own, found, [row + 0.18] * len(found), hovertext=seeds, marker=single),
        dots(
            "",
            own[:1],
            [mean.mean],
            [row - 0.12],
            hovertext=[_said(mean)],
            marker=diamond,
            error_x=bar,
        ),
    ]


def _table(
    report: ReportData,
    values: Mapping[int, Values],
    means: Mapping[int, Estimate],
    apart: Mapping[int, Estimate],
) -> Markup:
    head = ["", *(f"seed {seed}" for seed in report.verdict["seeds"]), "mean (95 % interval)"]
    rows = [
        [
            _name(report, number),
            *map(show, found),
            _said(means[number]),
            _said(apart[number], "+") if number in apart else "",
        ]
        for number, found in values.items()
    ]
    return table([*head, "difference to the baseline"], rows)


def _said(mean: Estimate, sign: str = "") -> str:
    return f"{mean.text(sign)} (all seeds equal)" if mean.is_point else mean.text(sign)


def _name(report: ReportData, number: int) -> str:
    return "baseline" if number == report.verdict["baseline"] else f"trial {number}"


def _color(report: ReportData, number: int) -> str:
    if number == report.verdict["baseline"]:
        return BASELINE
    return BEST if number == _challenger(report) else TRIAL
