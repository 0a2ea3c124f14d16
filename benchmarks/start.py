"""How long a user waits for the help, for a dry run, and for the first epoch of a sweep.

Also measures how much longer the first epoch of a trial takes than its second, in a warm worker
that loads the trial's program from disk and has not run it before.
"""

import sqlite3
import statistics
import sys
import tempfile
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path

from benchmarks import commands
from benchmarks.besom_sweep import SweepFolder
from benchmarks.harness import Goal, Row, in_turn, main, pinned
from benchmarks.overhead import EPOCH

CORES = 2
LENGTHS = (60, 70, 80, 90, 110, 120)
SHAPES = """\
defaults:
  - train
  - sweep
  - override hydra/sweeper: besom
  - override hydra/sweeper/sampler: grid
  - _self_

training:
  epochs: 3

data:
  max_length: 60

hydra:
  sweeper:
    n_trials: 100
    sampler:
      seed: 0
    params:
      data.max_length: choice({lengths})
"""
IMPORT = [sys.executable, "-c", "import tensorflow"]
SWEEPS = ("quickstart", "neighbourhood")
ONE_EACH = ("--trials", str(CORES), "--workers", str(CORES), "training.epochs=1")
"""One trial for each worker, since the first epoch does not depend on the others."""


@dataclass(frozen=True)
class DryRun:
    """Seconds until the first proposals were printed, and until the end of the command."""

    proposals: float
    whole: float


def measure(quick: bool) -> list[Row]:
    """Measure the waits and the extra time of first epochs, one kind after the other."""
    with pinned(CORES), tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        helps = [_help(folder) for _ in range(3 if quick else 10)]
        new, known = _dry_runs(folder, 2 if quick else 5)
        epochs = [_first_epochs(folder, name, 1 if quick else 5) for name in SWEEPS]
        extras = _extras(folder, 1 if quick else 3)
    return [
        Row("besom --help", helps, goal=Goal(0.3, False)),
        Row(
            "besom sweep quickstart --dry-run, space and proposals",
            [run.proposals for run in new],
            goal=Goal(2, False),
        ),
        Row(
            "the same, with the estimate, of a new study",
            [run.whole for run in new],
            goal=Goal(2, False),
        ),
        Row(
            "the same, with the estimate, after the baseline's trial",
            [run.whole for run in known],
            goal=Goal(2, False),
        ),
        *chain.from_iterable(epochs),
        Row("a trial's first epoch beyond its second", extras, goal=Goal(0.5, False)),
    ]


def _help(folder: Path) -> float:
    return commands.run([commands.BESOM, "--help"], folder).seconds


def _dry_runs(folder: Path, repetitions: int) -> tuple[list[DryRun], list[DryRun]]:
    """Make dry runs of new studies, and of the same ones once their baseline has been trained."""
    new, known = [], []
    for number in range(repetitions):
        sweep = SweepFolder(folder / f"dry-run-{number}")
        new.append(_dry_run(sweep))
        sweep.run("quickstart", "--trials", "1", "--no-confirm")
        known.append(_dry_run(sweep))
    return new, known


def _dry_run(sweep: SweepFolder) -> DryRun:
    ended = sweep.run("quickstart", "--dry-run")
    blanks = [seconds for seconds, line in ended.lines if not line]
    return DryRun(proposals=blanks[-1], whole=ended.seconds)


def _first_epochs(folder: Path, name: str, repetitions: int) -> list[Row]:
    """Measure first epochs of a sweep, in alternation with an import of TensorFlow alone."""
    sweep = SweepFolder(folder / name)
    cold = _first_epoch(sweep, name, "cold")
    studies = map("warm-{}".format, count())
    warm, imports = in_turn(
        lambda: _first_epoch(sweep, name, next(studies)),
        lambda: commands.run(IMPORT, folder).seconds,
        repetitions=repetitions,
    )
    beyond = [epoch - loaded for epoch, loaded in zip(warm, imports, strict=True)]
    return [
        Row(f"first epoch of {name}, nothing cached", [cold]),
        Row(f"first epoch of {name}, caches warm", warm),
        Row("import tensorflow, alone", imports),
        Row(f"first epoch of {name}, beyond that import", beyond, goal=Goal(2, False)),
    ]


def _first_epoch(sweep: SweepFolder, name: str, study: str) -> float:
    """Return the seconds from the command to the first report of any trial, as MLflow dates it."""
    ended = sweep.run(name, *ONE_EACH, "--name", study)
    runs = [trial.user_attrs["besom.run_id"] for trial in sweep.study(study).trials]
    marks = ", ".join("?" * len(runs))
    with closing(sqlite3.connect(sweep.root / "mlflow.db")) as database:
        [(first,)] = database.execute(
            f"SELECT min(timestamp) FROM metrics WHERE step = 1 AND run_uuid IN ({marks})", runs
        )
    return float(first / 1000 - ended.started)


def _extras(folder: Path, repetitions: int) -> list[float]:
    """Return first minus second epochs of trials whose shapes an earlier sweep has compiled."""
    sweep = SweepFolder(folder / "shapes")
    lengths = ",".join(map(str, LENGTHS))
    (sweep.sweeps / "shapes.yaml").write_text(SHAPES.format(lengths=lengths))
    extras = []
    for number in range(repetitions + 1):
        sweep.run("shapes", "--workers", str(CORES), "--name", f"shapes-{number}")
        if number:  # the first one compiles
            extras.append(statistics.median(_extra_of_each(sweep, f"shapes-{number}")))
    return extras


def _extra_of_each(sweep: SweepFolder, name: str) -> list[float]:
    """Do so for each trial except the workers' first ones, which load libraries too."""
    numbers = range(CORES, len(LENGTHS))
    logs = [log for number in numbers for log in sweep.jobs(name).glob(f"{number}/*.log")]
    seconds = [list(map(float, EPOCH.findall(log.read_text()))) for log in logs]
    assert len(seconds) == len(numbers), "a trial has not ended"
    return [first - second for first, second, *_ in seconds]


if __name__ == "__main__":
    main("start", measure)
