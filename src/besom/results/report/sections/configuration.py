"""The configurations of the best trial and of the baseline, side by side."""

from besom.results.report.data import Material
from besom.results.report.markup import Markup, details, element, join, note, table
from besom.results.report.sections.section import Section

MISSING = "–"


def section(material: Material) -> Section | None:
    """All parameters, those that differ marked; and the space that was searched."""
    shown = {}
    if material.best is not None and material.best is not material.baseline:
        shown[material.name(material.best)] = material.best.params
    if material.baseline is not None:
        shown["baseline"] = material.baseline.params
    if not shown:
        return None
    rows = []
    for key in sorted({key for params in shown.values() for key in params}):
        values = [str(params.get(key, MISSING)) for params in shown.values()]
        rows.append([element("code", key), *_cells(values), material.expressions.get(key, "")])
    body = [
        note("≠ marks what differs from the baseline.") if len(shown) > 1 else "",
        table(["parameter", *shown, "searched"], rows),
        _how(material),
    ]
    return Section("configuration", "Configuration", join(body))


def _cells(values: list[str]) -> list[object]:
    if len(set(values)) == 1:
        return list(values)
    return [element("mark", f"≠ {values[0]}"), *values[1:]]


def _how(material: Material) -> Markup:
    """The options of the sweep, where the record has them."""
    text = material.reader.text(material.study.parent.run_id, "sweep.yaml")
    return details("Options of the sweep", element("pre", text.strip())) if text else Markup()
