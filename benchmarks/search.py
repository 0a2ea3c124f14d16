"""Time until a random search has found its best: Besom, pruned, against a plain loop, unpruned.

Both try the same proposals in the same order. The value of a trial is the validation accuracy of
its best epoch, for both. The target is the best value of the loop's whole search less 0.3 points. A
side has reached it when the first trial with such a value has ended; what a running or a pruned
trial has shown on its way does not count. Seconds are from the start of the command.
"""

import math
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna

from benchmarks import commands, configurations, trials
from benchmarks.besom_sweep import SweepFolder
from benchmarks.configurations import KEYS, Configuration
from benchmarks.harness import Goal, Row, main, pinned
from benchmarks.trials import Trial
from besom.search.space.grammar import read_space

CORES = 2
MARGIN = 0.003
GOAL = Goal(15)
EPOCHS = 8
MAX_LENGTH = 80
"""Of the baseline; with the reference's 100 and 10 epochs, three seeds would take twice as long."""

SPACE = {
    "data.vocab_size": "choice(5000,10000,20000)",
    "data.max_length": f"choice(50,{MAX_LENGTH})",
    "model.embedding_dim": "choice(16,32,64)",
    "model.units": "range(8,65,step=8)",
    "training.batch_size": "choice(128,256)",
    "training.learning_rate": "tag(log,interval(1e-4,1e-2))",
}
SWEEP = """\
defaults:
  - train
  - sweep
  - override hydra/sweeper: besom
  - override hydra/sweeper/sampler: random
  - override hydra/sweeper/pruner: hyperband
  - _self_

data:
  max_length: {max_length}

training:
  epochs: {epochs}
  shuffle: every_epoch  # as the loop, which sets no seed
  restore_best: true

seed: ${{hydra:job.num}}  # each trial its own luck, as the loop's

hydra:
  sweeper:
    n_trials: {n_trials}
    sampler:
      seed: {seed}
    pruner:
      max_resource: {epochs}
    params:
{space}
"""


@dataclass(frozen=True)
class Search:
    """One side's search: its start, in seconds since 1970, its length, and the trials it ended."""

    started: float
    seconds: float
    ended: Sequence[Trial]

    def best(self) -> float:
        return max(trial.best for trial in self.ended)

    def reached(self, target: float) -> float | None:
        """Seconds until the first trial that good had ended; None where there is none."""
        good = (trial.ended - self.started for trial in self.ended if trial.best >= target)
        return next(good, None)


def measure(quick: bool) -> list[Row]:
    """One search of each side for each seed, in turn."""
    n_trials, seeds = (6, 1) if quick else (40, 3)
    pairs = []
    with pinned(CORES), tempfile.TemporaryDirectory() as scratch:
        for seed in range(seeds):
            folder = Path(scratch, str(seed))
            ours, proposals = _besom(folder / "besom", n_trials, seed)
            assert proposals == _proposals(n_trials, seed), "Besom has proposed something else"
            pairs.append((ours, _loop(folder, proposals)))
    return [*_rows(pairs)]


def _rows(pairs: Sequence[tuple[Search, Search]]) -> Iterator[Row]:
    ours, peers, missed = [], [], 0
    for seed, (our, peer) in enumerate(pairs):
        target = peer.best() - MARGIN
        ours_reached, peer_reached = our.reached(target), peer.reached(target)
        assert peer_reached is not None
        missed += ours_reached is None
        ours.append(math.inf if ours_reached is None else ours_reached)
        peers.append(peer_reached)
        yield Row(
            f"seed {seed}",
            [ours[-1]],
            [peers[-1]],
            "plain loop",
            note=f"target {target:.4f}; ours best {our.best():.4f}, "
            f"{len(our.ended)} of {len(peer.ended)} trials run to their end"
            + ("; never reached" if ours_reached is None else ""),
        )
    note = f"{missed} of {len(pairs)} seeds never reached it" if missed else ""
    yield Row("time to the best within 0.3 points", ours, peers, "plain loop", "s", GOAL, note)
    whole = [our.seconds for our, _ in pairs], [peer.seconds for _, peer in pairs]
    yield Row("the whole search", *whole, "plain loop")


# -- Besom --------------------------------------------------------------------------------------


def _besom(folder: Path, n_trials: int, seed: int) -> tuple[Search, list[Configuration]]:
    """A search with nothing cached, and what it has proposed."""
    sweep = SweepFolder(folder)
    space = "\n".join(f"      {key}: {text}" for key, text in SPACE.items())
    sizes = {"n_trials": n_trials, "seed": seed, "epochs": EPOCHS, "max_length": MAX_LENGTH}
    (sweep.sweeps / "random.yaml").write_text(SWEEP.format(**sizes, space=space))
    ended = sweep.run("random", "--workers", str(CORES))
    proposed = [_configuration(trial.params) for trial in sweep.study("random").trials]
    return Search(ended.started, ended.seconds, sweep.trials("random")), proposed


# -- The loop -----------------------------------------------------------------------------------


def _loop(folder: Path, proposals: Sequence[Configuration]) -> Search:
    listed, results = folder / "listed.json", folder / "results.jsonl"
    configurations.write(proposals, listed)
    words = commands.module("benchmarks.peers.optuna_loop", str(listed), str(results))
    ended = commands.run(words, folder, commands.reviews())
    return Search(ended.started, ended.seconds, trials.read(results))


def _proposals(n_trials: int, seed: int) -> list[Configuration]:
    """The baseline, and what Optuna's own random search proposes after it."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    distributions = read_space(SPACE, [], loader=None).distributions
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed))
    asked = [study.ask(distributions).params for _ in range(n_trials - 1)]
    return [_configuration({}), *map(_configuration, asked)]


def _configuration(params: dict[str, Any]) -> Configuration:
    axes = {axis: params[key] for axis, key in KEYS.items() if key in params}
    return Configuration(**({"max_length": MAX_LENGTH, "epochs": EPOCHS} | axes))


if __name__ == "__main__":
    main("search", measure)
