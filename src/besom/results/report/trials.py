"""The table of all trials. A click on the head of a column sorts it."""

from collections.abc import Iterator, Mapping

from besom.common.flatten import short_names
from besom.common.terminal.commands import besom_command
from besom.common.text import duration
from besom.results.report.data import ReportData
from besom.results.report.markup import Markup, Section, element, join, note, show, table
from besom.results.studies import Trial
from besom.results.tables import nodes
from besom.search.ranking import best_first

MOST_COLUMNS = 16
"""The largest number of parameters with a column; the most important ones are chosen."""


def trials(report: ReportData) -> Section:
    """Return the table, the best trial first. It links to runs if the record has MLflow's pages."""
    keys = [scale.key for scale in report.by_importance][:MOST_COLUMNS]
    names = [objective.name for objective in report.objectives]
    short = (element("span", name, title=key) for key, name in short_names(keys).items())
    by_run = nodes(trial.run for trial in report.study.trials)
    rows = (_row(report, trial, keys, by_run) for trial in _ordered(report))
    head = ["trial", *names, "state", *short, "time", *(["node"] if by_run else [])]
    left = len(report.scales) - len(keys)
    compare = besom_command("compare", report.study.name, flags=report.reader.flags)
    more = note(f"… and {left} more parameters; `{compare}` shows all.") if left else ""
    body = join([table(head, rows, class_="sortable"), more])
    return Section("trials", "Trials", body)


def _row(
    report: ReportData, trial: Trial, keys: list[str], by_run: Mapping[str, str]
) -> Iterator[object]:
    yield _name(report, trial)
    for objective in report.objectives:
        yield show(trial.metrics.get(objective.name))
    yield trial.standing
    for key in keys:
        yield show(trial.params.get(key))
    seconds = trial.seconds
    yield "–" if seconds is None else element("data", duration(seconds), value=round(seconds, 3))
    if by_run:
        yield by_run.get(trial.run.run_id, "–")


def _name(report: ReportData, trial: Trial) -> Markup:
    pages, role = report.reader.pages, " baseline" if trial is report.baseline else ""
    link = f"{pages}/#/runs/{trial.run.run_id}"
    number = trial.name if pages is None else element("a", trial.name, href=link)
    return join([number, role, " best" if trial is report.best else ""])


def _ordered(report: ReportData) -> list[Trial]:
    """Order trials as a sweep's own table does; with several objectives, by state and number."""
    is_single = len(report.objectives) == 1
    return best_first(
        report.study.trials,
        lambda trial: report.value(trial) if is_single else None,
        report.objectives[0].direction,
    )
