"""The overhead of a sweep, 1 - Σ fit ÷ (wall × workers), with trials of five seconds.

One task spins for five seconds of processor time, which shows the sweep alone. The other is the
baseline on IMDb, whose ten epochs take about as long. Its fit is the number of its epochs times the
median of all but the first, validation included. So composing, building, loading or compiling the
program, and saving count as overhead.
"""

import re
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import optuna

from benchmarks import commands, trials
from benchmarks.besom_sweep import SweepFolder, study_in
from benchmarks.commands import Ended
from benchmarks.harness import Goal, Row, main, pinned

WORKERS = 2
SECONDS = 5.0
PEERS = {"Optuna and joblib, two processes": "two_processes", "Ray Tune": "ray_tune"}
EPOCH = re.compile(r"epoch \d+: .* ([\d.]+) s$", re.MULTILINE)

SEEDS = """\
defaults:
  - train
  - sweep
  - override hydra/sweeper: besom
  - override hydra/sweeper/sampler: random
  - _self_

hydra:
  sweeper:
    sampler:
      seed: 0
    params:
      seed: range(0,100000)
"""


@dataclass(frozen=True)
class Sweep:
    """A sweep that has ended.

    Attributes:
        fit: seconds that all trials spent on training or spinning.
        wall: seconds from the first trial's start to the last one's end.
        whole: seconds of the command.
    """

    fit: float
    wall: float
    whole: float

    def overhead(self, seconds: float) -> float:
        """Return the overhead in percent of the workers' time, if the sweep took ``seconds``."""
        return 100 * (1 - self.fit / (seconds * WORKERS))


def measure(quick: bool) -> list[Row]:
    """Measure both tasks, and the peers with the spinning one, in alternation."""
    n_trials, repetitions = (8, 1) if quick else (16, 3)
    spun, others, trained = [], [], []
    with pinned(WORKERS), tempfile.TemporaryDirectory() as scratch:
        reviews = SweepFolder(Path(scratch, "reviews"))
        (reviews.sweeps / "seeds.yaml").write_text(SEEDS)
        reviews.run("seeds", "--trials", "1", "--name", "warm")  # data and programs are cached
        for repetition in range(repetitions):
            folder = Path(scratch, f"spinning-{repetition}")
            spun.append(_spin(folder, n_trials))
            others.append({name: _spin_peer(name, folder, n_trials) for name in PEERS})
            trained.append(_train(reviews, f"seeds-{repetition}", n_trials))
    return [
        *_rows("a task that spins", spun, Goal(1.5, False)),
        *(_beside(spun, name, [peers[name] for peers in others]) for name in PEERS),
        *_rows("the baseline on IMDb", trained, Goal(5, False)),
    ]


def _rows(what: str, sweeps: Sequence[Sweep], goal: Goal | None = None) -> list[Row]:
    from_first = [sweep.overhead(sweep.wall) for sweep in sweeps]
    from_start = [sweep.overhead(sweep.whole) for sweep in sweeps]
    return [
        Row(f"{what}, from first trial to last", from_first, unit="%", goal=goal),
        Row(f"{what}, the whole command", from_start, unit="%"),
    ]


def _beside(ours: Sequence[Sweep], name: str, peer: Sequence[Sweep]) -> Row:
    """Compare the overhead with a peer's. The peer's wall time ends with its last task, so what it
    does after that is left out."""
    return Row(
        "a task that spins, from first trial to last",
        [sweep.overhead(sweep.wall) for sweep in ours],
        [sweep.overhead(sweep.wall) for sweep in peer],
        name,
        unit="%",
    )


def _spin(folder: Path, n_trials: int) -> Sweep:
    folder.mkdir()
    words = commands.module(
        "benchmarks.spinning",
        "--multirun",
        "hydra/sweeper=besom",
        "hydra/sweeper/sampler=random",
        "hydra.sweeper.study_name=spinning",
        f"hydra.sweeper.n_trials={n_trials}",
        f"hydra.sweeper.n_jobs={WORKERS}",
        f"seconds={SECONDS}",
        "number=range(0,100000)",
    )
    ended = commands.run(words, folder)
    return _sweep(study_in(folder / "mlruns", "spinning"), ended, fit=n_trials * SECONDS)


def _spin_peer(name: str, folder: Path, n_trials: int) -> Sweep:
    place = folder / PEERS[name]
    place.mkdir()
    words = commands.module(
        f"benchmarks.peers.{PEERS[name]}", "spin", str(SECONDS), str(n_trials), "results.jsonl"
    )
    ended = commands.run(words, place)
    found = trials.read(place / "results.jsonl")
    assert len(found) == n_trials
    wall = max(trial.ended for trial in found) - min(trial.started for trial in found)
    return Sweep(n_trials * SECONDS, wall, ended.seconds)


def _train(folder: SweepFolder, name: str, n_trials: int) -> Sweep:
    sizes = ("--trials", str(n_trials), "--workers", str(WORKERS))
    ended = folder.run("seeds", *sizes, "--name", name)
    logs = [log for number in range(n_trials) for log in folder.jobs(name).glob(f"{number}/*.log")]
    assert len(logs) == n_trials
    fit = sum(_fit(log.read_text()) for log in logs)
    return _sweep(folder.study(name), ended, fit)


def _fit(log: str) -> float:
    """Return the seconds of a trial's epochs, as if the first had taken as long as the others."""
    seconds = [float(text) for text in EPOCH.findall(log)]
    return len(seconds) * statistics.median(seconds[1:])


def _sweep(study: optuna.Study, ended: Ended, fit: float) -> Sweep:
    starts = [trial.datetime_start for trial in study.trials if trial.datetime_start]
    ends = [trial.datetime_complete for trial in study.trials if trial.datetime_complete]
    assert len(starts) == len(ends), "a trial has not ended"
    return Sweep(fit, (max(ends) - min(starts)).total_seconds(), ended.seconds)


if __name__ == "__main__":
    main("overhead", measure, libraries=("joblib", "ray"))
