"""The confirmation: every configuration that was trained again, seed by seed."""

from collections.abc import Mapping, Sequence
from typing import Any

from besom.results.report.data import Material
from besom.results.report.figures.base import BASELINE, BEST, TRIAL, axis, dots, frame, place
from besom.results.report.markup import Markup, Section, element, join, show, table
from besom.sweep.confirmation.statistics import Estimate, estimate

Values = Sequence[float]
"""A number for each seed, in the seeds' order."""


def confirmation(material: Material) -> Section | None:
    """Values and differences to the baseline over the same seeds; None before a verdict."""
    if not material.verdict:
        return None
    values = _values(material)
    differences = _differences(values, material.verdict["baseline"])
    means = {number: estimate(found) for number, found in values.items()}
    apart = {number: estimate(found) for number, found in differences.items()}
    apart[_challenger(material)] = Estimate(**material.verdict["difference"])
    figures = [
        _values_figure(material, values, means),
        _differences_figure(material, differences, apart),
    ]
    body = [element("div", *figures, class_="grid"), _table(material, values, means, apart)]
    return Section("seeds", "Confirmation", join(body))


def _values(material: Material) -> dict[int, Values]:
    """By trial, a value for each seed: the baseline, then the others as they were ranked."""
    found = {int(number): values for number, values in material.verdict["values"].items()}
    first = material.verdict["baseline"]
    return {first: found.pop(first), **found}


def _differences(values: Mapping[int, Values], baseline: int) -> dict[int, Values]:
    """The others less the baseline, on the same seeds."""
    return {
        number: [one - base for one, base in zip(found, values[baseline], strict=True)]
        for number, found in values.items()
        if number != baseline
    }


def _challenger(material: Material) -> int:
    return int(material.verdict.get("challenger", material.verdict["winner"]))


def _values_figure(
    material: Material, values: Mapping[int, Values], means: Mapping[int, Estimate]
) -> Markup:
    metric, n_seeds = material.verdict["metric"], len(material.verdict["seeds"])
    caption = (
        f"{metric} of each configuration on the same {n_seeds} fresh seeds: dots are seeds, "
        "diamonds with bars are means with 95 % intervals."
    )
    figure = _rows(material, values, means, axis(metric))
    return place(figure, "seeds-values", caption, _height(values))


def _differences_figure(
    material: Material, differences: Mapping[int, Values], apart: Mapping[int, Estimate]
) -> Markup:
    caption = (
        "Difference to the baseline, seed by seed. The interval of the one that is judged is "
        "wider where it was chosen among several."
    )
    bottom = axis(f"{material.verdict['metric']}, less the baseline's", zeroline=True)
    figure = _rows(material, differences, apart, bottom)
    return place(figure, "seeds-differences", caption, _height(differences))


def _height(values: Mapping[int, Values]) -> int:
    return 90 + 56 * len(values)


def _rows(
    material: Material,
    values: Mapping[int, Values],
    means: Mapping[int, Estimate],
    bottom: dict[str, Any],
) -> Any:
    """A figure with a row for each configuration, the first on top."""
    rows = {number: -row for row, number in enumerate(values)}
    traces = [
        trace
        for number, found in values.items()
        for trace in _row(material, number, rows[number], found, means[number])
    ]
    names = [_name(material, number) for number in rows]
    left = axis("", tickmode="array", tickvals=list(rows.values()), ticktext=names)
    left |= {"range": [0.4 - len(rows), 0.6], "showgrid": False}
    return frame(traces, "", "", xaxis=bottom, yaxis=left)


def _row(material: Material, number: int, row: int, found: Values, mean: Estimate) -> list[Any]:
    color = _color(material, number)
    seeds = [
        f"seed {seed}: {show(value)}"
        for seed, value in zip(material.verdict["seeds"], found, strict=True)
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
            hovertext=[mean.text()],
            marker=diamond,
            error_x=bar,
        ),
    ]


def _table(
    material: Material,
    values: Mapping[int, Values],
    means: Mapping[int, Estimate],
    apart: Mapping[int, Estimate],
) -> Markup:
    head = ["", *(f"seed {seed}" for seed in material.verdict["seeds"]), "mean (95 % interval)"]
    rows = [
        [
            _name(material, number),
            *map(show, found),
            means[number].text(),
            apart[number].text("+") if number in apart else "",
        ]
        for number, found in values.items()
    ]
    return table([*head, "difference to the baseline"], rows)


def _name(material: Material, number: int) -> str:
    return "baseline" if number == material.verdict["baseline"] else f"trial {number}"


def _color(material: Material, number: int) -> str:
    if number == material.verdict["baseline"]:
        return BASELINE
    return BEST if number == _challenger(material) else TRIAL
