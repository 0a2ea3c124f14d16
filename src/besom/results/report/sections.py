"""The sections without a drawing: verdict, failures, configurations, environment."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from besom.common.text import duration, shorten
from besom.results.report.data import Material
from besom.results.report.figures.time_spent import BROKEN
from besom.results.report.markup import Markup, Section, details, element, join, note, show, table
from besom.results.studies import Trial
from besom.results.workload import how_to_confirm
from besom.tracking import schema
from besom.tracking.reader import ReadRun

MOST_CAUSES = 20
MOST_NAMES = 10
LONGEST_CAUSE = 300
LONGEST = 20_000
"""Characters of a traceback; its end says most."""
MISSING = "–"
# How it is called here -> tag.
FACTS = {
    "command": schema.COMMAND,
    "Besom": schema.VERSION,
    "source": schema.CODE,
    "commit": schema.COMMIT,
    "uncommitted changes": schema.HAS_CHANGES,
    "Python": schema.PYTHON,
    "system": schema.PLATFORM,
    "processor": schema.PROCESSOR,
    "host": schema.HOST,
    "threads": "threads",
    "data": "data.name",
    "data digest": "data.digest",
    "engine": "engine",
}
MAIN_PACKAGES = ("tensorflow", "keras", "optuna", "mlflow", "hydra-core", "numpy")
MOST_VALUES = 4


def verdict(material: Material) -> Section:
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


def failures(material: Material) -> Section | None:
    """A row for each cause, with one traceback; None where nothing failed or was lost."""
    causes = _causes(material)
    if not causes:
        return None
    first = sorted(causes.items(), key=lambda item: -len(item[1]))[:MOST_CAUSES]
    rows = [[_cause(cause), len(runs), _names(runs), _ended(runs)] for cause, runs in first]
    left = len(causes) - len(first)
    more = note(f"… and {left} more causes; `besom ui` shows all runs.") if left else ""
    texts = [_traceback(material, cause, runs) for cause, runs in first]
    body = [table(["cause", "runs", "trials", "what became of them"], rows), more, *texts]
    return Section("failures", "Failures", join(body))


def _causes(material: Material) -> dict[str, list[ReadRun]]:
    """Attempts that failed or were lost, by the error that was recorded."""
    causes: dict[str, list[ReadRun]] = defaultdict(list)
    for run in material.runs:
        state = _state(run)
        if state in BROKEN and run.status != "RUNNING":
            causes[run.tags.get(schema.ERROR) or f"{state}, no cause recorded"].append(run)
    return causes


def _state(run: ReadRun) -> str:
    return run.tags.get(schema.STATE, run.status.lower())


def _cause(cause: str) -> Markup:
    return element("span", shorten(cause, LONGEST_CAUSE), class_="cause")


def _names(runs: Sequence[ReadRun]) -> str:
    numbers = [run.tags.get(schema.TRIAL) or run.tags.get(schema.CONFIRMS, "") for run in runs]
    named = list(dict.fromkeys(numbers))
    left = len(named) - MOST_NAMES
    return ", ".join(named[:MOST_NAMES]) + (f" and {left} more" if left > 0 else "")


def _ended(runs: Sequence[ReadRun]) -> str:
    """``failed``, or that these attempts were lost, which a later one made up for."""
    states = sorted({_state(run) for run in runs})
    return ", ".join(states)


def _traceback(material: Material, cause: str, runs: Sequence[ReadRun]) -> Markup:
    """That of the first run that has one."""
    failed = [run for run in runs if _state(run) == "failed"]
    text = material.reader.text(failed[0].run_id, schema.TRACEBACK_FILE) if failed else None
    if not text or text.strip() == cause:
        return Markup()
    return details(
        f"Traceback of {failed[0].name}: {cause[:120]}", element("pre", text[-LONGEST:].strip())
    )


def configuration(material: Material) -> Section | None:
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
        rows.append([element("code", key), *_marked(values), material.expressions.get(key, "")])
    body = [
        note("≠ marks what differs from the baseline.") if len(shown) > 1 else "",
        table(["parameter", *shown, "searched"], rows),
        _options(material),
    ]
    return Section("configuration", "Configuration", join(body))


def _marked(values: list[str]) -> list[object]:
    if len(set(values)) == 1:
        return list(values)
    return [element("mark", f"≠ {values[0]}"), *values[1:]]


def _options(material: Material) -> Markup:
    """The options of the sweep, where the record has them."""
    text = material.reader.text(material.study.parent.run_id, schema.SWEEPER_FILE)
    return details("Options of the sweep", element("pre", text.strip())) if text else Markup()


def environment(material: Material) -> Section:
    """A row for each fact; where runs differ, how many have which."""
    rows = [[name, found] for name, tag in FACTS.items() if (found := _values(material, tag))]
    packages = _packages(material)
    main = [pin for pin in packages if pin.partition("==")[0].lower() in MAIN_PACKAGES]
    if main:
        rows.append(["packages", ", ".join(pin.replace("==", " ") for pin in main)])
    body = [table(["", "as recorded"], rows), _all_packages(packages)]
    return Section("environment", "Environment", join(body))


def _values(material: Material, tag: str) -> str:
    counts = Counter(run.tags[tag] for run in material.runs if tag in run.tags)
    if len(counts) <= 1:
        return next(iter(counts), "")
    shown = [f"{value} ({n_runs} runs)" for value, n_runs in counts.most_common(MOST_VALUES)]
    left = len(counts) - MOST_VALUES
    return "; ".join(shown) + (f"; and {left} more" if left > 0 else "")


def _packages(material: Material) -> list[str]:
    """The pins of the best trial, or of the first there is."""
    trial = material.best or next(iter(material.study.trials))
    return (material.reader.text(trial.run.run_id, schema.PACKAGES_FILE) or "").split()


def _all_packages(packages: list[str]) -> Markup:
    if not packages:
        return Markup()
    return details(f"All {len(packages)} packages", element("pre", "\n".join(packages)))
