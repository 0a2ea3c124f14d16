"""Judges configurations by training them again on fresh seeds.

Besom trains the configurations of all sides; tests check that its network equals that of the peers.
The weights of the epoch with the best validation are judged, as each side judged its trials.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from benchmarks import configurations
from benchmarks.besom_sweep import SweepFolder
from benchmarks.configurations import Configuration

FRESH = tuple(range(5001, 5006))
CONFIRMING = tuple(range(1001, 1006))
"""The seeds of the judge and of the confirmations. They differ, and no search uses any of them."""
SWEEP = """\
defaults:
  - train
  - sweep
  - point: p00
  - override hydra/sweeper: besom
  - override hydra/sweeper/sampler: grid
  - override hydra/sweeper/pruner: none
  - _self_

evaluate_test: true
seed: {first}

training:
  restore_best: true

hydra:
  sweeper:
    objective: {metric}
    n_trials: 100000  # the grid ends before
    keep_models: none
    params:
      point: choice({points})
      seed: choice({seeds})
"""


def values(
    asked: Iterable[Configuration], seeds: Sequence[int], metric: str, folder: Path
) -> Mapping[Configuration, list[float]]:
    """Train each configuration on each seed; return the metric by configuration, in seed order.

    Args:
        metric: ``val_accuracy`` for a confirmation, ``test_accuracy`` for the judge.
    """
    chosen = list(dict.fromkeys(asked))
    if not chosen:
        return {}
    sweep = SweepFolder(folder)
    points = configurations.write_group(chosen, sweep.sweeps / "point")
    text = SWEEP.format(
        first=seeds[0],
        metric=metric,
        points=",".join(points),
        seeds=",".join(map(str, seeds)),
    )
    (sweep.sweeps / "judged.yaml").write_text(text)
    sweep.run("judged", "--workers", "2")
    found = {
        (trial.params["point"], trial.params["seed"]): trial.values[0]
        for trial in sweep.study("judged").trials
        if trial.state.name == "COMPLETE"
    }
    return {
        one: [found[point, seed] for seed in seeds]
        for one, point in zip(chosen, points, strict=True)
    }
