"""Besom's search and its recommendation: TPE, Hyperband, two workers, and a confirmation.

The search runs once, for the longest budget. For a shorter one, the confirmation chooses among the
trials that had ended early enough for it to end within the budget. The confirmations are run
afterwards; their time is estimated from the seconds of the trials.
"""

from collections.abc import Sequence
from pathlib import Path

from benchmarks.besom_sweep import SweepFolder
from benchmarks.configurations import KEYS, Configuration
from benchmarks.search.log import Found, Log
from benchmarks.search.space import BASELINE, EPOCHS, SPACE

WORKERS = 2
N_BEST = 3
SEEDS = 5
STEP = 1.0
"""Seconds between the moments that are tried as the start of the confirmation."""
STUDY = "search"
SWEEP = """\
defaults:
  - train
  - sweep
  - override hydra/sweeper: besom
  - override hydra/sweeper/sampler: tpe
  - override hydra/sweeper/pruner: hyperband
  - _self_

training:
  epochs: {epochs}
  restore_best: true

hydra:
  sweeper:
    n_trials: 100000  # the time ends before
    timeout: {seconds}
    sampler:
      seed: {seed}
    pruner:
      max_resource: {epochs}
    params:
{space}
"""


def search(seconds: float, seed: int, folder: Path) -> Log:
    """Search for ``seconds`` with an empty cache; return the completed trials."""
    sweep = SweepFolder(folder)
    space = "\n".join(f"      {key}: {text}" for key, text in SPACE.items())
    text = SWEEP.format(seconds=seconds, seed=seed, epochs=EPOCHS, space=space)
    (sweep.sweeps / f"{STUDY}.yaml").write_text(text)
    ended = sweep.run(STUDY, "--workers", str(WORKERS))
    return Log.of(_found(sweep), ended.started)


def candidates(log: Log, seconds: float) -> list[Configuration]:
    """Return what a confirmation that ends ``seconds`` after the start trains: baseline and best.

    It is empty if there is no time for one; then the best is recommended without it.
    """
    moment = seconds
    while moment > 0:
        chosen = _best(log.until(moment))
        if chosen and moment + _confirming(chosen) <= seconds:
            return [BASELINE, *(one.configuration for one in chosen)]
        moment -= STEP
    return []


def _best(found: Sequence[Found]) -> list[Found]:
    """Return the best ``N_BEST`` trials of different configurations, without the baseline."""
    chosen: dict[Configuration, Found] = {}
    for one in sorted(found, key=lambda one: -one.value):
        if one.configuration != BASELINE:
            chosen.setdefault(one.configuration, one)
    return [*chosen.values()][:N_BEST]


def _confirming(chosen: Sequence[Found]) -> float:
    """Estimate the seconds of a confirmation; the baseline is assumed to take as long as others."""
    mean = sum(one.seconds for one in chosen) / len(chosen)
    return mean * (len(chosen) + 1) * SEEDS / WORKERS


def _found(sweep: SweepFolder) -> list[Found]:
    found = []
    for trial in sweep.study(STUDY).trials:
        if trial.state.name != "COMPLETE" or "besom.reused" in trial.user_attrs:
            continue
        assert trial.datetime_complete is not None and trial.datetime_start is not None
        seconds = (trial.datetime_complete - trial.datetime_start).total_seconds()
        axes = {axis: trial.params[key] for axis, key in KEYS.items() if key in trial.params}
        configuration = Configuration(**({"epochs": EPOCHS} | axes))
        found.append(
            Found(configuration, trial.values[0], trial.datetime_complete.timestamp(), seconds)
        )
    return found
