"""A table of all trials, which a click on a column's head sorts."""

from collections.abc import Iterator

from besom.common.flatten import short_names
from besom.common.text import duration
from besom.results.report.data import Material
from besom.results.report.markup import Markup, Section, element, join, note, show, table
from besom.results.studies import Trial, best_first

MOST_COLUMNS = 16
"""Parameters that have a column, those first that decide most."""
STATES = ("complete", "running", "pruned", "failed")


def trials(material: Material) -> Section:
    """A row for each trial, the best first; each leads to its run where the record has pages."""
    keys = [scale.key for scale in material.by_importance][:MOST_COLUMNS]
    names = [objective.name for objective in material.objectives]
    short = (element("span", name, title=key) for key, name in short_names(keys).items())
    rows = (_row(material, trial, keys) for trial in _ordered(material))
    head = ["trial", *names, "state", *short, "time"]
    left = len(material.scales) - len(keys)
    more = note(f"… and {left} more parameters; `besom compare` shows all.") if left else ""
    body = join([table(head, rows, class_="sortable"), more])
    return Section("trials", "Trials", body)


def _row(material: Material, trial: Trial, keys: list[str]) -> Iterator[object]:
    yield _name(material, trial)
    for objective in material.objectives:
        yield show(trial.metrics.get(objective.name))
    yield trial.state
    for key in keys:
        yield show(trial.params.get(key))
    seconds = trial.seconds
    yield "–" if seconds is None else element("data", duration(seconds), value=round(seconds, 3))


def _name(material: Material, trial: Trial) -> Markup:
    pages, role = material.reader.pages, " baseline" if trial is material.baseline else ""
    link = f"{pages}/#/runs/{trial.run.run_id}"
    number = trial.name if pages is None else element("a", trial.name, href=link)
    return join([number, role, " best" if trial is material.best else ""])


def _ordered(material: Material) -> list[Trial]:
    """By state, and of each state the best first."""
    first = material.objectives[0]
    found = best_first(material.study.trials, first.name, first.direction)
    place = {state: number for number, state in enumerate(STATES)}
    return sorted(found, key=lambda trial: place.get(trial.state, len(STATES)))
