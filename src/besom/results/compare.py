"""Compares runs: the parameters in which they differ, and their results."""

import csv
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from typing import Any

from besom.common import text
from besom.common.errors import StudyError
from besom.common.flatten import doubled, short_names
from besom.common.suggest import did_you_mean, listed
from besom.common.terminal.commands import besom_command, command_lines
from besom.common.terminal.table import ALWAYS, Column, left_out, table, terminal_width
from besom.results.studies import (
    ENDED,
    RUN_ID,
    StudyRecord,
    Trial,
    ranked,
    read_run,
    read_study,
)
from besom.results.tables import column_names, nodes, rows_as_json, side_by_side
from besom.sweep.identity.fingerprint import FOOTNOTE, MARK
from besom.tracking import schema
from besom.tracking.reader import Reader, open_reader

OWN_COLUMNS = ("trial", "seconds", "state")
TABLE_COLUMNS = (*OWN_COLUMNS, "study", "node")
"""The columns of the table that are neither parameters nor metrics."""
SHORT_ID = 8


@dataclass(frozen=True)
class Comparison:
    """Trials in the order of the table. ``columns`` are the parameters in which they differ."""

    trials: Sequence[Trial]
    columns: Sequence[str]
    metrics: Sequence[str]
    kept: Sequence[str] = ()
    """The columns by which the trials are judged and sorted; they are always shown."""
    missing_runs: Sequence[str] = ()
    """A sentence for each study with ended trials that have no run in the record."""

    def rows(self) -> list[dict[str, Any]]:
        """Return one mapping per trial, with dotted names, for CSV and JSON."""
        by_run = nodes(trial.run for trial in self.trials)
        is_constrained = any(trial.infeasible for trial in self.trials)
        return side_by_side(
            (
                {
                    "study": trial.run.tags.get(schema.STUDY),
                    "trial": trial.number,
                    "run_id": trial.run.run_id,
                    "name": trial.run.name,
                    "state": trial.state,
                    "seconds": trial.seconds,
                    "counts": trial.counts,
                    **({"feasible": not trial.infeasible} if is_constrained else {}),
                    **({"node": by_run.get(trial.run.run_id)} if by_run else {}),
                },
                {key: trial.params.get(key) for key in self.columns},
                {name: trial.metrics.get(name) for name in self.metrics},
            )
            for trial in self.trials
        )


def compare(root: Path, uri: str | None, names: Sequence[str], sort: str | None) -> Comparison:
    """Compare the trials of studies and single runs.

    Args:
        names: studies by name, runs by id.
        sort: a metric, a parameter, ``trial`` or ``seconds``, with ``-`` before it for the largest
            first. If it is None, the best is first, provided that all studies have one and the same
            objective.

    Raises:
        StudyError: a study, run or column is unknown, or there is nothing to compare.
    """
    reader = open_reader(root, uri)
    trials, objectives, missing_runs = _collect(reader, names)
    if not trials:
        none = f"nothing to compare: {listed(names)} holds no trial yet"
        raise StudyError("\n".join([none, *missing_runs]))
    first = [*dict.fromkeys(metric for metric, _ in objectives)]
    comparison = Comparison(trials, _differing(trials), _metrics(trials, first), first)
    if sort is not None:
        name = _column(comparison, sort)
        ordered = _sorted_by(comparison.trials, name, sort.startswith("-"))
        comparison = replace(comparison, kept=(*first, name))
    elif len(objectives) == 1:
        ordered = ranked(trials, *objectives[0])
    else:
        ordered = list(trials)
    return replace(comparison, trials=ordered, missing_runs=missing_runs)


def show(comparison: Comparison, top: int) -> None:
    """Print the first ``top`` rows, with as many columns as the terminal has room for."""
    trials = comparison.trials[:top]
    lines, n_left_out = table(_columns(comparison, trials), terminal_width())
    if not all(trial.counts for trial in trials):
        lines.append(FOOTNOTE)
    if len(comparison.trials) > len(trials):
        left = len(comparison.trials) - len(trials)
        lines.append(f"… and {left} more; --top {len(comparison.trials)} shows all")
    if n_left_out:
        lines.append(left_out(n_left_out, "--csv"))
    print("\n".join(lines))


def show_studies(root: Path, uri: str | None) -> None:
    """Print all studies, the latest last, and the next command to type.

    Raises:
        StudyError: there is no study.
    """
    reader = open_reader(root, uri)
    studies = [read_study(reader, name) for name in reader.studies()]
    if not studies:
        raise StudyError("there is no study yet; `besom sweep NAME` makes one")
    best = [study.best if len(study.objectives) == 1 else None for study in studies]
    values = [
        trial and trial.metrics.get(study.objectives[0])
        for trial, study in zip(best, studies, strict=True)
    ]
    columns = [
        Column("study", [study.name for study in studies], is_text=True),
        Column("trials", [str(sum(t.state in ENDED for t in study.trials)) for study in studies]),
        Column("objective", [_judged_by(study) for study in studies], rank=1, is_text=True),
        Column("best", list(map(_text, values))),
        Column("in trial", [trial.name if trial else "-" for trial in best]),
    ]
    lines, _ = table(columns, terminal_width())
    compare = besom_command("compare", studies[-1].name, flags=reader.flags)
    next_command = command_lines({compare: "its trials, the best first"})
    print("\n".join([*lines, "", *next_command]))


def _judged_by(study: StudyRecord) -> str:
    """Return the objectives and their directions: ``val_accuracy, maximize``."""
    return ", ".join((*study.objectives, *study.directions))


def as_csv(comparison: Comparison) -> str:
    """Return all rows as CSV, with a header."""
    rows, text = comparison.rows(), StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def as_json(comparison: Comparison) -> str:
    """Return all rows as a JSON list of objects."""
    return rows_as_json(comparison.rows())


def _collect(
    reader: Reader, names: Sequence[str]
) -> tuple[list[Trial], list[tuple[str, str]], list[str]]:
    """Return the trials of studies and runs, the studies' objectives, and sentences about missing
    runs."""
    trials: dict[str, Trial] = {}  # by run id: a run may be named besides its own study
    missing_runs: list[str] = []
    objectives: dict[tuple[str, str], None] = {}  # an ordered set
    for name in dict.fromkeys(names):
        if RUN_ID.fullmatch(name):
            trials.setdefault(name.lower(), read_run(reader, name))
            continue
        study = read_study(reader, name)
        trials |= {trial.run.run_id: trial for trial in study.trials}
        missing_runs += [study.missing_runs] if study.missing_runs else []
        objectives |= dict.fromkeys(zip(study.objectives, study.directions, strict=True))
    return [*trials.values()], list(objectives), missing_runs


def _differing(trials: Sequence[Trial]) -> list[str]:
    """Return the parameters in which the trials differ, sorted."""
    keys = {key for trial in trials for key in trial.params}
    keys -= doubled(trial.params for trial in trials)
    missing = object()
    columns = {key: [trial.params.get(key, missing) for trial in trials] for key in keys}
    return sorted(key for key, column in columns.items() if len(set(column)) > 1)


def _metrics(trials: Sequence[Trial], first: Sequence[str]) -> list[str]:
    """Return the objectives, then all other metrics, sorted."""
    names = {name for trial in trials for name in trial.metrics}
    return [*first, *sorted(names - set(first))]


def _column(comparison: Comparison, sort: str) -> str:
    """Return the column that ``--sort`` names.

    Raises:
        StudyError: there is no such column.
    """
    name = sort.removeprefix("-")
    known = [*comparison.metrics, *comparison.columns, *OWN_COLUMNS]
    name = schema.valid_name(name) if schema.valid_name(name) in known else name
    short = {head: key for key, head in _heads(comparison)[0].items()}
    if name not in known and name not in short:
        hint = did_you_mean(name, [*known, *short], f"there are {listed(known)}")
        raise StudyError(f"--sort {name}: no such column; {hint}")
    return name if name in known else short[name]


def _sorted_by(trials: Sequence[Trial], name: str, descending: bool) -> list[Trial]:
    """Sort trials by a column, with those that have no value there last."""

    def value(trial: Trial) -> Any:
        own = {"trial": trial.number, "seconds": trial.seconds, "state": trial.state}
        return {**trial.params, **own, **trial.metrics}.get(name)

    def is_absent(trial: Trial) -> bool:
        found = value(trial)
        return found is None or found != found  # NaN has no place in an order

    present = [trial for trial in trials if not is_absent(trial)]
    absent = [trial for trial in trials if is_absent(trial)]
    numbers = all(isinstance(value(trial), int | float) for trial in present)
    order = value if numbers else lambda trial: str(value(trial))
    return [*sorted(present, key=order, reverse=descending), *absent]


def _columns(comparison: Comparison, trials: Sequence[Trial]) -> list[Column]:
    """Return the columns of the table, in order.

    If there is no room, metrics are left out before parameters. The columns by which the trials are
    judged or sorted always stay.
    """
    studies = [trial.run.tags.get(schema.STUDY, "-") for trial in comparison.trials]
    columns = [Column("trial", list(map(_name, trials)))]
    if len(set(studies)) > 1:
        columns.insert(0, Column("study", studies[: len(trials)], is_text=True))

    def add(key: str, name: str, cells: Iterable[str], rank: int) -> None:
        columns.append(Column(name, list(cells), ALWAYS if key in comparison.kept else rank))

    params, metrics = _heads(comparison)
    for key, head in params.items():
        add(key, head, (_text(trial.params.get(key)) for trial in trials), 1)
    for name, head in metrics.items():
        add(name, head, (_text(trial.metrics.get(name)) for trial in trials), 3)
    add("seconds", "seconds", (_seconds(trial) for trial in trials), 2)
    if by_run := nodes(trial.run for trial in comparison.trials):
        add("node", "node", (by_run.get(trial.run.run_id, "-") for trial in trials), 4)
    return [*columns, Column("state", [_state(trial) for trial in trials], is_text=True)]


def _heads(comparison: Comparison) -> tuple[dict[str, str], dict[str, str]]:
    """Return the heads of parameters and of metrics in the table; no two columns have the same.

    A parameter whose short name is that of another column has its whole name.
    """
    taken = {*TABLE_COLUMNS, *comparison.metrics}
    short = _short_names(comparison.columns)
    names = {key: key if end in taken else end for key, end in short.items()}
    params, metrics = column_names(TABLE_COLUMNS, names.values(), comparison.metrics)
    return {key: params[name] for key, name in names.items()}, metrics


def _name(trial: Trial) -> str:
    """Return a trial's number, ``17``; for a run that is not a trial, the start of its id."""
    return trial.name if trial.number is not None else f"run {trial.run.run_id[:SHORT_ID]}"


def _seconds(trial: Trial) -> str:
    return "-" if trial.seconds is None else f"{trial.seconds:.1f}"


def _short_names(keys: Sequence[str]) -> Mapping[str, str]:
    """Return short names for keys: the last part, without ``.name``; more if two are the same."""
    named = {key: key.removesuffix(".name") for key in keys}
    counts = Counter(named.values())
    paths = [name if counts[name] == 1 else key for key, name in named.items()]
    return dict(zip(keys, short_names(paths).values(), strict=True))


def _text(value: Any) -> str:
    return "-" if value is None else text.show(value)


def _state(trial: Trial) -> str:
    if not trial.counts:
        return f"{trial.state}{MARK}"
    if trial.role == "baseline" and trial.state == "complete":
        return "baseline, infeasible" if trial.infeasible else "baseline"
    return trial.standing
