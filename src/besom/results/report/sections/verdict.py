"""First of all: is the best trial better than the baseline, and how is that known?"""

import math
from collections.abc import Iterator

from besom.common.text import duration
from besom.results.report.data import Material
from besom.results.report.markup import Markup, element, join, note, show, table
from besom.results.report.sections.section import Section
from besom.results.studies import Trial
from besom.results.workload import how_to_confirm


def section(material: Material) -> Section:
    """The verdict, and the best trial beside the baseline in numbers."""
    return Section("verdict", "Verdict", join([_verdict(material), _beside(material)]))


def _verdict(material: Material) -> Markup:
    if material.study.verdict:
        return join([element("p", material.study.verdict, class_="verdict"), _age(material)])
    sentence = element("p", _unconfirmed(material), class_="verdict")
    return join([sentence, _how_to_confirm(material)])


def _age(material: Material) -> Markup:
    """Says so where the verdict is of fewer trials than there are."""
    age = material.study.verdict_age
    if not age:
        return Markup()
    advice = how_to_confirm(material.reader, material.study)
    return element(
        "p", f"It was {age}; {advice.lead}", element("code", advice.typed), " judges anew."
    )


def _unconfirmed(material: Material) -> str:
    """What one run of each says."""
    best, baseline = material.best, material.baseline
    if not material.complete:
        return "No trial was completed: there is nothing to judge. What went wrong is below."
    if len(material.objectives) > 1:
        return "Several objectives: there is no single best trial, only those that nothing beats."
    assert best is not None
    name = material.objectives[0].name
    if len(material.complete) == 1:
        return f"One trial was completed, {material.name(best)}: {name} {_value(material, best)}."
    if best is baseline:
        return f"No trial did better than the baseline: {name} {_value(material, best)}."
    found = f"Best of one run each: {material.name(best)}, {name} {_value(material, best)}"
    if baseline is None or material.value(baseline) is None:
        return f"{found}. The baseline was not completed."
    difference = (material.value(best) or 0.0) - (material.value(baseline) or 0.0)
    return f"{found}; the baseline {_value(material, baseline)}, {difference:+.4g}."


def _how_to_confirm(material: Material) -> Markup:
    if len(material.objectives) > 1 or len(material.complete) < 2 or material.baseline is None:
        return Markup()
    parts: list[object] = [
        "Not confirmed: one run each proves nothing, since a seed alone may move it as much. "
    ]
    if n_runs := sum(one.state == "complete" for one in material.study.confirmations):
        parts.append(f"{n_runs} confirmation runs are recorded, but no verdict yet. ")
    advice = how_to_confirm(material.reader, material.study)
    parts += [
        advice.lead[:1].upper() + advice.lead[1:],
        element("code", advice.typed),
        " trains the baseline and the best trials again on the same fresh seeds, and judges them.",
    ]
    return element("p", *parts)


def _beside(material: Material) -> Markup:
    best, baseline = material.best, material.baseline
    if best is None:
        return Markup()
    if baseline is None or best is baseline:
        rows = [[key, value] for key, value, _, _ in _rows(material, best, best)]
        return table(["", material.name(best)], rows)
    rows = [list(row) for row in _rows(material, best, baseline)]
    return join(
        [
            table(["one run each", material.name(best), "baseline", "difference"], rows),
            note(
                f"Objective: {_objective(material)}. The other metrics are those of the last step."
            ),
        ]
    )


def _rows(material: Material, best: Trial, baseline: Trial) -> Iterator[tuple[object, ...]]:
    """Metrics, the objective first; then the parameters in which the two differ."""
    first = [objective.name for objective in material.objectives]
    others = sorted((best.metrics.keys() | baseline.metrics.keys()) - set(first))
    for name in (*first, *others):
        ours, theirs = best.metrics.get(name), baseline.metrics.get(name)
        yield name, show(ours), show(theirs), _difference(ours, theirs)
    times = [duration(t.seconds) if t.seconds is not None else "–" for t in (best, baseline)]
    yield "time", *times, ""
    for scale in material.scales:
        ours, theirs = best.params.get(scale.key), baseline.params.get(scale.key)
        if ours != theirs:
            yield element("code", scale.key), show(ours), show(theirs), ""
    yield "run", *(element("code", t.run.run_id, class_="id") for t in (best, baseline)), ""


def _difference(ours: float | None, theirs: float | None) -> str:
    if ours is None or theirs is None or not math.isfinite(ours - theirs):
        return ""
    return f"{ours - theirs:+.4g}"


def _objective(material: Material) -> str:
    (objective,) = material.objectives
    return f"{objective.name}, {objective.direction}d"


def _value(material: Material, trial: Trial) -> str:
    return show(material.value(trial))
