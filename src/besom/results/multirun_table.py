"""Summarizes ``besom train -m seed=1,2,3``: a table of its runs, with mean and spread."""

from collections.abc import Mapping, Sequence

import numpy as np

from besom.common.flatten import short_names
from besom.common.terminal.commands import besom_command, command_lines
from besom.common.terminal.table import ALWAYS, Column, left_out, table, terminal_width
from besom.common.text import show
from besom.tracking.decorator import RecordedRun

OF_TRAINING = 2
OTHERS = 1
"""Ranks of metrics in the table: those of the training split are the first to be left out."""


def print_jobs(runs: Sequence[RecordedRun]) -> None:
    """Print a table of the runs, then statistics of runs that differ only in their seeds."""
    lines, n_left_out = table(_columns(runs), terminal_width())
    flags = runs[0].record_flags
    commands = {
        besom_command("ui", flags=flags): "all runs in MLflow",
        besom_command("compare", *(run.run_id for run in runs), flags=flags): "side by side",
    }
    if n_left_out:
        lines.append(left_out(n_left_out, f"besom compare RUN_ID … --csv{flags}"))
    for setting, group in groups(runs).items():
        if len(group) > 1:
            lines += ["", *statistics(setting, group)]
    print("\n".join(["", *lines, "", *command_lines(commands)]))


def groups(runs: Sequence[RecordedRun]) -> dict[str, list[RecordedRun]]:
    """Group runs by their overrides without seeds: ``units=16 dropout=0.5``."""
    keys = [key for key in _varied(runs) if not _is_seed(key)]
    names = short_names(keys)
    found: dict[str, list[RecordedRun]] = {}
    for run in runs:
        said = _said(run)
        setting = " ".join(f"{name}={said[key]}" for key, name in names.items() if key in said)
        found.setdefault(setting, []).append(run)
    return found


def statistics(setting: str, runs: Sequence[RecordedRun]) -> list[str]:
    """Return a table with each metric's mean, sample standard deviation and Student's 95 %
    interval."""
    from besom.sweep.confirmation.statistics import estimate  # scipy takes most of a second

    names = [name for name in runs[0].numbers if all(name in run.numbers for run in runs)]
    values = {name: [run.numbers[name] for run in runs] for name in names}
    means = {name: estimate(found) for name, found in values.items()}
    columns = [
        Column(setting or f"{len(runs)} runs", names, is_text=True),
        Column("mean", [show(means[name].mean) for name in names]),
        Column("std", [show(float(np.std(values[name], ddof=1))) for name in names]),
        Column(
            "95 % interval",
            [f"{show(means[name].low)} to {show(means[name].high)}" for name in names],
        ),
    ]
    return table(columns, terminal_width())[0]


def _columns(runs: Sequence[RecordedRun]) -> list[Column]:
    columns = [Column("job", [str(number) for number in range(len(runs))])]
    for key, name in short_names(_varied(runs)).items():
        columns.append(Column(name, [_said(run).get(key, "") for run in runs]))
    for name in dict.fromkeys(name for run in runs for name in run.numbers):
        cells = [show(run.numbers[name]) if name in run.numbers else "-" for run in runs]
        columns.append(Column(name, cells, _rank(name)))
    return [*columns, Column("seconds", [f"{run.seconds:.1f}" for run in runs], OF_TRAINING)]


def _rank(metric: str) -> int:
    """Return a metric's rank. Accuracy on held-out texts, and a plain objective, always stay."""
    if metric in ("val_accuracy", "test_accuracy", "objective"):
        return ALWAYS
    return OTHERS if metric.startswith(("val_", "test_")) else OF_TRAINING


def _said(run: RecordedRun) -> Mapping[str, str]:
    """Return the values of a run's overrides by key."""
    pairs = (word.partition("=") for word in run.overrides)
    return {key.lstrip("+~"): value for key, _, value in pairs}


def _varied(runs: Sequence[RecordedRun]) -> list[str]:
    """Return the keys of overrides that differ among the runs."""
    said = [_said(run) for run in runs]
    keys = dict.fromkeys(key for words in said for key in words)
    return [key for key in keys if len({words.get(key) for words in said}) > 1]


def _is_seed(key: str) -> bool:
    return key.rpartition(".")[2].endswith("seed")
