"""The sections without a figure: verdict, failures, configurations, environment."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from besom.common.terminal.commands import besom_command
from besom.common.text import duration, shorten
from besom.results.report.data import ReportData
from besom.results.report.figures.time_spent import BROKEN
from besom.results.report.markup import Markup, Section, details, element, join, note, show, table
from besom.results.studies import Trial
from besom.results.workload import how_to_confirm
from besom.rnn.train import DATA_DIGEST, DATA_NAME, ENGINE, THREADS
from besom.tracking import schema
from besom.tracking.reader import ReadRun

MOST_CAUSES = 20
MOST_NAMES = 10
LONGEST_CAUSE = 300
LONGEST = 20_000
"""Characters of a traceback that are shown, from its end, which says most."""
MISSING = "–"
# The tag of each name in the table.
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
    "node": schema.NODE,
    "devices": schema.DEVICES,
    "threads": THREADS,
    "data": DATA_NAME,
    "data digest": DATA_DIGEST,
    "engine": ENGINE,
}
MAIN_PACKAGES = ("tensorflow", "keras", "optuna", "mlflow", "hydra-core", "numpy")
MOST_VALUES = 4


def verdict(report: ReportData) -> Section:
    """Return the section with the verdict, and the metrics of the best trial and the baseline."""
    return Section("verdict", "Verdict", join([_verdict(report), _beside(report)]))


def _verdict(report: ReportData) -> Markup:
    if report.study.verdict:
        return join([element("p", report.study.verdict, class_="verdict"), _age(report)])
    sentence = element("p", _unconfirmed(report), class_="verdict")
    return join([sentence, _how_to_confirm(report)])


def _age(report: ReportData) -> Markup:
    """Return a remark if trials have ended since the verdict; otherwise nothing."""
    age = report.study.verdict_age
    if not age:
        return Markup()
    advice = how_to_confirm(report.reader, report.study)
    return element(
        "p", f"It was {age}; {advice.lead}", element("code", advice.typed), " judges anew."
    )


def _unconfirmed(report: ReportData) -> str:
    """Return a sentence about the best trial, judged by one run each."""
    best, baseline = report.best, report.baseline
    if not report.complete:
        return "No trial was completed: there is nothing to judge. What went wrong is below."
    if not report.eligible:
        bounds = report.study.constraints
        return (
            f"No trial is feasible ({bounds}), so there is no best; the figures show how far off."
        )
    if len(report.objectives) > 1:
        return "Several objectives: there is no single best trial, only those that nothing beats."
    assert best is not None
    name = report.objectives[0].name
    if len(report.complete) == 1:
        return f"One trial was completed, {report.name(best)}: {name} {_value(report, best)}."
    if best is baseline:
        return f"No trial did better than the baseline: {name} {_value(report, best)}."
    found = f"Best of one run each: {report.name(best)}, {name} {_value(report, best)}"
    if baseline is None or report.value(baseline) is None:
        return f"{found}. The baseline was not completed."
    difference = (report.value(best) or 0.0) - (report.value(baseline) or 0.0)
    return f"{found}; the baseline {_value(report, baseline)}, {difference:+.4g}."


def _how_to_confirm(report: ReportData) -> Markup:
    if len(report.objectives) > 1 or len(report.complete) < 2 or report.baseline is None:
        return Markup()
    parts: list[object] = [
        "Not confirmed: one run each proves nothing, since a seed alone may move it as much. "
    ]
    if n_runs := sum(one.state == "complete" for one in report.study.confirmations):
        parts.append(f"{n_runs} confirmation runs are recorded, but no verdict yet. ")
    advice = how_to_confirm(report.reader, report.study)
    parts += [
        advice.lead[:1].upper() + advice.lead[1:],
        element("code", advice.typed),
        " trains the baseline and the best trials again on the same fresh seeds, and judges them.",
    ]
    return element("p", *parts)


def _beside(report: ReportData) -> Markup:
    best, baseline = report.best, report.baseline
    if best is None:
        return Markup()
    if baseline is None or best is baseline:
        rows = [[key, value] for key, value, _, _ in _rows(report, best, best)]
        return table(["", report.name(best)], rows)
    rows = [list(row) for row in _rows(report, best, baseline)]
    return join(
        [
            table(["one run each", report.name(best), "baseline", "difference"], rows),
            note(f"Objective: {_objective(report)}. The other metrics are those of the last step."),
        ]
    )


def _rows(report: ReportData, best: Trial, baseline: Trial) -> Iterator[tuple[object, ...]]:
    """Yield rows: metrics, the objective first, then parameters in which the two trials differ."""
    first = [objective.name for objective in report.objectives]
    others = sorted((best.metrics.keys() | baseline.metrics.keys()) - set(first))
    for name in (*first, *others):
        ours, theirs = best.metrics.get(name), baseline.metrics.get(name)
        yield name, show(ours), show(theirs), _difference(ours, theirs)
    times = [duration(t.seconds) if t.seconds is not None else "–" for t in (best, baseline)]
    yield "time", *times, ""
    for scale in report.scales:
        ours, theirs = best.params.get(scale.key), baseline.params.get(scale.key)
        if ours != theirs:
            yield element("code", scale.key), show(ours), show(theirs), ""
    yield "run", *(element("code", t.run.run_id, class_="id") for t in (best, baseline)), ""


def _difference(ours: float | None, theirs: float | None) -> str:
    if ours is None or theirs is None or not math.isfinite(ours - theirs):
        return ""
    return f"{ours - theirs:+.4g}"


def _objective(report: ReportData) -> str:
    (objective,) = report.objectives
    return f"{objective.name}, {objective.direction}d"


def _value(report: ReportData, trial: Trial) -> str:
    return show(report.value(trial))


def failures(report: ReportData) -> Section | None:
    """Return a table of causes, each with one traceback; None if nothing failed or was lost."""
    causes = _causes(report)
    if not causes:
        return None
    first = sorted(causes.items(), key=lambda item: -len(item[1]))[:MOST_CAUSES]
    rows = [[_cause(cause), len(runs), _names(runs), _ended(runs)] for cause, runs in first]
    left = len(causes) - len(first)
    ui = besom_command("ui", report.study.name, flags=report.reader.flags)
    more = note(f"… and {left} more causes; `{ui}` shows all runs.") if left else ""
    texts = [_traceback(report, cause, runs) for cause, runs in first]
    body = [table(["cause", "runs", "trials", "what became of them"], rows), more, *texts]
    return Section("failures", "Failures", join(body))


def _causes(report: ReportData) -> dict[str, list[ReadRun]]:
    """Return attempts that failed or were lost, by the recorded error."""
    causes: dict[str, list[ReadRun]] = defaultdict(list)
    for run in report.runs:
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
    """Return the states in which these attempts ended, such as ``failed`` or ``lost``."""
    states = sorted({_state(run) for run in runs})
    return ", ".join(states)


def _traceback(report: ReportData, cause: str, runs: Sequence[ReadRun]) -> Markup:
    """Return the traceback of the first failed run, if it adds anything to the cause."""
    failed = [run for run in runs if _state(run) == "failed"]
    text = report.reader.text(failed[0].run_id, schema.TRACEBACK_FILE) if failed else None
    if not text or text.strip() == cause:
        return Markup()
    return details(
        f"Traceback of {failed[0].name}: {cause[:120]}", element("pre", text[-LONGEST:].strip())
    )


def configuration(report: ReportData) -> Section | None:
    """Return a table of all parameters, with the differing ones marked, and the search space."""
    shown = {}
    if report.best is not None and report.best is not report.baseline:
        shown[report.name(report.best)] = report.best.params
    if report.baseline is not None:
        shown["baseline"] = report.baseline.params
    if not shown:
        return None
    rows = []
    for key in sorted({key for params in shown.values() for key in params}):
        values = [str(params.get(key, MISSING)) for params in shown.values()]
        rows.append([element("code", key), *_marked(values), report.expressions.get(key, "")])
    body = [
        note("≠ marks what differs from the baseline.") if len(shown) > 1 else "",
        table(["parameter", *shown, "searched"], rows),
        _options(report),
    ]
    return Section("configuration", "Configuration", join(body))


def _marked(values: list[str]) -> list[object]:
    if len(set(values)) == 1:
        return list(values)
    return [element("mark", f"≠ {values[0]}"), *values[1:]]


def _options(report: ReportData) -> Markup:
    """Return the options of the sweep, if the record has them."""
    text = report.reader.text(report.study.parent.run_id, schema.SWEEPER_FILE)
    return details("Options of the sweep", element("pre", text.strip())) if text else Markup()


def environment(report: ReportData) -> Section:
    """Return a table of facts; if runs differ, with the number of runs for each value."""
    facts = {name: found for name, tag in FACTS.items() if (found := _values(report, tag))}
    if facts.get("node") == facts.get("host"):
        facts.pop("node", None)
    rows = [[name, found] for name, found in facts.items()]
    packages = _packages(report)
    main = [pin for pin in packages if pin.partition("==")[0].lower() in MAIN_PACKAGES]
    if main:
        rows.append(["packages", ", ".join(pin.replace("==", " ") for pin in main)])
    body = [table(["", "as recorded"], rows), _all_packages(packages)]
    return Section("environment", "Environment", join(body))


def _values(report: ReportData, tag: str) -> str:
    counts = Counter(run.tags[tag] for run in report.runs if tag in run.tags)
    if len(counts) <= 1:
        return next(iter(counts), "")
    shown = [f"{value} ({n_runs} runs)" for value, n_runs in counts.most_common(MOST_VALUES)]
    left = len(counts) - MOST_VALUES
    return "; ".join(shown) + (f"; and {left} more" if left > 0 else "")


def _packages(report: ReportData) -> list[str]:
    """Return the package versions of the best trial, or else of the first one."""
    trial = report.best or next(iter(report.study.trials))
    return (report.reader.text(trial.run.run_id, schema.PACKAGES_FILE) or "").split()


def _all_packages(packages: list[str]) -> Markup:
    if not packages:
        return Markup()
    return details(f"All {len(packages)} packages", element("pre", "\n".join(packages)))
