"""Twelve configurations of ten epochs: ``besom sweep`` against the tools that people use today.

No side prunes, all have two cores, and the time is that of the whole command. Besom's includes its
record in MLflow with models; of the peers, only Ray Tune keeps a record, of numbers. Besom runs
twice beside each peer: first with an empty cache, then with the cache of that run.
"""

import statistics
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks import commands, configurations, trials
from benchmarks.besom_sweep import SweepFolder
from benchmarks.configurations import TWELVE, Configuration
from benchmarks.harness import Goal, Row, main, pinned
from benchmarks.trials import Trial

CORES = 2
LOOP = "plain Optuna loop"
GOALS = {LOOP: Goal(6)}
QUICK = tuple(replace(TWELVE[number], epochs=5) for number in (0, 10))

SWEEP = """\
defaults:
  - train
  - sweep
  - point: p00
  - override hydra/sweeper: besom
  - override hydra/sweeper/sampler: grid
  - override hydra/sweeper/pruner: none
  - _self_

training:
  shuffle: every_epoch  # as the peers, which set no seed

seed: ${{hydra:job.num}}  # each trial its own luck, as the peers'

hydra:
  sweeper:
    n_trials: 100  # the grid ends before
    params:
      point: choice({points})
"""


@dataclass(frozen=True)
class Run:
    """A run of one side: its seconds, and the mean of its trials' best validation accuracies."""

    seconds: float
    accuracy: float


Peer = Callable[[Sequence[Configuration], Path], float]
"""A function that trains the configurations, notes its trials in a folder, and returns seconds."""


def measure(quick: bool) -> list[Row]:
    """Run each peer once, and before each peer Besom twice: without and with its cache."""
    chosen = QUICK if quick else TWELVE
    cold, warm, peers = [], [], {}
    with pinned(CORES), tempfile.TemporaryDirectory() as scratch:
        for number, (name, peer) in enumerate(PEERS.items()):
            folder = Path(scratch, str(number))
            sweep = _sweep_folder(chosen, folder / "besom")
            cold.append(_besom(sweep, "cold", len(chosen)))
            warm.append(_besom(sweep, "warm", len(chosen)))
            seconds = peer(chosen, folder)
            peers[name] = _checked(seconds, trials.read(folder / RESULTS), len(chosen))
    return [
        _row(f"besom sweep, {caches}", ours, name, peer)
        for name, peer in peers.items()
        for caches, ours in (("nothing cached", cold), ("caches warm", warm))
    ]


def _row(what: str, ours: Sequence[Run], name: str, peer: Run) -> Row:
    accuracy = statistics.mean(run.accuracy for run in ours)
    return Row(
        what,
        ours=[run.seconds for run in ours],
        peer=[peer.seconds],
        peer_name=name,
        goal=GOALS.get(name),
        note=f"mean val_accuracy {accuracy:.3f}, peer {peer.accuracy:.3f}",
    )


def _checked(seconds: float, ended: Sequence[Trial], expected: int) -> Run:
    assert len(ended) == expected, f"{len(ended)} trials of {expected}"
    return Run(seconds, statistics.mean(trial.best for trial in ended))


# -- Besom --------------------------------------------------------------------------------------


def _sweep_folder(chosen: Sequence[Configuration], folder: Path) -> SweepFolder:
    """Write a sweep over a config group with an option for each configuration."""
    sweep = SweepFolder(folder)
    points = configurations.write_group(chosen, sweep.sweeps / "point")
    (sweep.sweeps / "listed.yaml").write_text(SWEEP.format(points=",".join(points)))
    return sweep


def _besom(sweep: SweepFolder, study: str, expected: int) -> Run:
    ended = sweep.run("listed", "--workers", str(CORES), "--name", study)
    return _checked(ended.seconds, sweep.trials(study), expected)


# -- Peers --------------------------------------------------------------------------------------

LISTED, RESULTS = "listed.json", "results.jsonl"


def _listing(module: str, *words_before: str) -> Peer:
    """Return a peer that takes a file of configurations and a file for results."""

    def run(chosen: Sequence[Configuration], folder: Path) -> float:
        configurations.write(chosen, folder / LISTED)
        words = commands.module(module, *words_before, LISTED, RESULTS)
        return commands.run(words, folder, commands.reviews()).seconds

    return run


def _hydra(chosen: Sequence[Configuration], folder: Path) -> float:
    points = configurations.write_group(chosen, folder / "conf" / "point")
    arguments = ("--multirun", "--config-dir", "conf", f"point={','.join(points)}")
    results = f"results={folder / RESULTS}"
    words = commands.module("benchmarks.peers.hydra_basic", *arguments, results)
    return commands.run(words, folder, commands.reviews()).seconds


PEERS: dict[str, Peer] = {
    LOOP: _listing("benchmarks.peers.optuna_loop"),
    "KerasTuner": _listing("benchmarks.peers.keras_tuner_search"),
    "Hydra's basic launcher": _hydra,
    "Optuna and joblib, two processes": _listing("benchmarks.peers.two_processes", "train"),
    "Ray Tune": _listing("benchmarks.peers.ray_tune", "train"),
}


if __name__ == "__main__":
    main("sweep", measure, libraries=("keras-tuner", "joblib", "ray"))
