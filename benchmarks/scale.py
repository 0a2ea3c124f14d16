"""The cost of the supervisor itself, by the number of trials in the study and of workers.

Fake workers answer at once (``fake_sweep.py``). A trial has six parameters and ten reports of four
numbers. A rate counts the trials that have ended and are recorded in MLflow, per second, on one
core. 1,000 workers with trials of one minute need 17 trials per second.

The peer is Optuna's own loop with MLflow's fluent calls in the objective. On both sides the study
is opened and read before the time begins. Studies of thousands of trials are copies of the rows of
a small one (``grown_study.py``). The resume and the pools are measured with the usual command and
workers, on all cores; a resume lasts from the command to the first new trial's task.
"""

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import no_op
from benchmarks.fake_sweep import SPACE, Spent, spending, sweep
from benchmarks.grown_study import grow
from benchmarks.harness import Goal, Row, in_turn, main, pinned
from benchmarks.peers import logged_loop
from besom.search.algorithms.options import (
    HyperbandPruner,
    MedianPruner,
    NoPruner,
    RandomSampler,
    TpeSampler,
)
from besom.search.options import SweepOptions

DATABASES = ("optuna.db", "mlflow.db")
N_SEED = 20  # trials of the small study that is copied
N_NO_OP = 100  # trials with which pools are compared
REPOSITORY = Path(__file__).parents[1]


@dataclass(frozen=True)
class Case:
    """One point of the curve: the size of the study, the workers, and the trials to measure."""

    n_existing: int
    n_jobs: int = 16
    n_measured: int = 200
    sampler: Any = field(default_factory=lambda: RandomSampler(seed=1))
    pruner: Any = field(default_factory=NoPruner)
    goal: Goal | None = None

    @property
    def name(self) -> str:
        pruner = "" if self.pruner.name == "none" else f", {self.pruner.name}"
        history = getattr(self.sampler, "history", None)
        sampler = self.sampler.name + (f" (history={history})" if history else "")
        return f"{sampler}{pruner}, {self.n_jobs} workers, {self.n_existing:,} trials"


TPE, SHORT_TPE = TpeSampler(seed=1), TpeSampler(seed=1, history=500)
GOAL = Goal(17)
QUICK = (
    Case(0),
    Case(5000, goal=GOAL),
    Case(5000, n_jobs=1000, n_measured=500, goal=GOAL),
    Case(5000, n_measured=100, sampler=SHORT_TPE, goal=GOAL),
)
FULL = (
    *(Case(n_existing) for n_existing in (0, 1000, 10_000)),
    *(Case(5000, n_jobs, goal=GOAL) for n_jobs in (1, 16)),
    Case(5000, n_jobs=256, n_measured=256, goal=GOAL),
    Case(5000, n_jobs=1000, n_measured=1000, goal=GOAL),
    Case(5000, pruner=MedianPruner(), goal=GOAL),
    Case(5000, pruner=HyperbandPruner(max_resource=10), goal=GOAL),
    *(Case(n, n_measured=100, sampler=TPE) for n in (0, 1000, 5000, 10_000)),
    *(Case(n, n_measured=100, sampler=SHORT_TPE, goal=GOAL) for n in (5000, 10_000)),
    Case(5000, n_jobs=256, n_measured=256, sampler=SHORT_TPE),
)


def measure(quick: bool) -> list[Row]:
    with TemporaryDirectory(prefix="besom-scale-") as folder, _away_from_git(folder):
        nursery = Nursery(Path(folder))
        with pinned(1):
            rows = [_curve(nursery, case) for case in (QUICK if quick else FULL)]
            rows.append(_against_the_loop(nursery, repetitions=1 if quick else 3))
        rows.append(_resume(nursery, repetitions=1 if quick else 3))
        rows += [_on_ray(nursery, n_jobs, 1 if quick else 3) for n_jobs in (2, 16)]
    return rows


class Nursery:
    """Makes studies of any size below one folder, one for each size."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def copy_of(self, n_trials: int) -> Iterator[Path]:
        """Yield the root of a study of ``n_trials`` to write to; remove it afterwards."""
        grown = self._grown(n_trials)
        with TemporaryDirectory(dir=self._folder) as copy:
            if grown is not None:
                for name in DATABASES:
                    _copy_database(grown / name, Path(copy, name))
            yield Path(copy)

    def _grown(self, n_trials: int) -> Path | None:
        root = self._folder / str(n_trials)
        if n_trials and not root.exists():
            sweep(root, _options(Case(0), N_SEED))
            grow(root, n_trials)
        return root if n_trials else None


def _copy_database(source: Path, target: Path) -> None:
    """Copy a SQLite database with the changes that are only in its write-ahead log."""
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)


def _options(case: Case, n_trials: int) -> SweepOptions:
    return SweepOptions(
        study_name="scale",
        n_trials=n_trials,
        n_jobs=case.n_jobs,
        sampler=case.sampler,
        pruner=case.pruner,
        direction="maximize",
        objective="val_accuracy",
    )


def _curve(nursery: Nursery, case: Case) -> Row:
    with nursery.copy_of(case.n_existing) as root:
        spent = sweep(root, _options(case, case.n_existing + case.n_measured))
    rate = case.n_measured / spent.wall
    note = f"{1e3 * spent.processor / case.n_measured:.0f} ms of the processor each"
    return Row(case.name, [rate], unit="trials/s", goal=case.goal, note=note)


def _against_the_loop(nursery: Nursery, repetitions: int) -> Row:
    n_existing, n_trials = 5000, 200

    def ours() -> float:
        case = Case(n_existing, n_jobs=1)
        with nursery.copy_of(n_existing) as root:
            return _each(sweep(root, _options(case, n_existing + n_trials)), n_trials)

    def peer() -> float:
        with nursery.copy_of(n_existing) as root:
            _forget_write_ahead(root)
            study = logged_loop.open_study(root)
            with spending() as spent:
                logged_loop.run(study, n_trials)
        return _each(spent, n_trials)

    mine, theirs = in_turn(ours, peer, repetitions=repetitions)
    name = f"seconds per trial, 1 worker, {n_existing:,} trials"
    return Row(name, mine, theirs, "Optuna loop with MLflow")


def _forget_write_ahead(root: Path) -> None:
    """Set the databases to SQLite's default journal, as the peer would have created them."""
    for name in DATABASES:
        with closing(sqlite3.connect(root / name)) as database:
            database.execute("PRAGMA journal_mode = DELETE")


def _each(spent: Spent, n_trials: int) -> float:
    return spent.wall / n_trials


# -- resuming ----------------------------------------------------------------------------------


def _resume(nursery: Nursery, repetitions: int) -> Row:
    n_existing = 10_000
    with nursery.copy_of(0) as root:
        _command(root, N_SEED)
        grow(root, n_existing)
        samples = [_first_after(root, n_existing + 1 + done) for done in range(repetitions)]
    name = f"resume of {n_existing:,} trials, to the first new one"
    return Row(name, samples, goal=Goal(10, at_least=False))


def _first_after(root: Path, n_trials: int) -> float:
    """Sweep with ``no_op.py`` up to ``n_trials``; return the seconds until the first task began."""
    started = time.time()
    return _command(root, n_trials)[0] - started


def _command(root: Path, n_trials: int, **more: Any) -> list[float]:
    """Sweep with ``no_op.py`` up to ``n_trials``; return its tasks' starts (seconds since 1970)."""
    began = root / f"began-{n_trials}"
    options = {
        "root": root,
        "study_name": "scale",
        "n_trials": n_trials,
        "n_jobs": 1,
        "direction": "maximize",
        "objective": "val_accuracy",
        **more,
    }
    command = [sys.executable, "-m", "benchmarks.no_op", "--multirun", "hydra/sweeper=besom"]
    command += ["hydra/sweeper/sampler=random", f"hydra.sweep.dir={root / 'jobs'}"]
    command += [f"hydra.sweeper.{key}={value}" for key, value in options.items()]
    command += [f"{key}={text}" for key, text in SPACE.items()]
    paths = os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {no_op.BEGAN: str(began), "PYTHONPATH": paths}
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return sorted(map(float, began.read_text().split()))


# -- pools -------------------------------------------------------------------------------------


def _on_ray(nursery: Nursery, n_jobs: int, repetitions: int) -> Row:
    """Measure the seconds per trial of tasks that do nothing, once all workers have started.

    They are the time of the supervisor, with ten reports and their answers, and of the worker's
    composition of a configuration, on the same cores.
    """

    def seconds(pool: str) -> float:
        with nursery.copy_of(0) as root:
            began = _command(root, N_NO_OP + n_jobs, n_jobs=n_jobs, pool=pool)[n_jobs:]
        return (began[-1] - began[0]) / (len(began) - 1)

    mine, theirs = in_turn(
        lambda: seconds("ray"), lambda: seconds("local"), repetitions=repetitions
    )
    at_most_twice = Goal(0.5)
    name = f"seconds per trial on Ray, {n_jobs} no-op actors"
    return Row(name, mine, theirs, "processes of this machine", goal=at_most_twice)


@contextmanager
def _away_from_git(folder: str) -> Iterator[None]:
    """Run the block in ``folder``, so that no run records uncommitted changes of this checkout."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


if __name__ == "__main__":
    main("scale", measure)
