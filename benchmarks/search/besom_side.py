"""Besom's search with what it recommends: TPE, Hyperband, two workers, and a confirmation.

The search runs once, for the longest budget. What it recommends after a shorter one is what its
confirmation says of the trials that had ended by then, early enough for the confirmation to end in
time. The confirmations are run afterwards; what they would have taken is charged by the seconds of
the trials themselves.
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
"""Seconds between the moments at which the trials could have given way to the confirmation."""
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
    """Search for so long, with nothing cached; the trials that ran to their end."""
    sweep = SweepFolder(folder)
    space = "\n".join(f"      {key}: {text}" for key, text in SPACE.items())
    text = SWEEP.format(seconds=seconds, seed=seed, epochs=EPOCHS, space=space)
    (sweep.sweeps / f"{STUDY}.yaml").write_text(text)
    ended = sweep.run(STUDY, "--workers", str(WORKERS))
    return Log.of(_found(sweep), ended.started)


def candidates(log: Log, seconds: float) -> list[Configuration]:
    """What is confirmed where all is to end so long after the start: the baseline and the best.

    Empty where not even the baseline could be: then the best is recommended as it is.
    """
    moment = seconds
    while moment > 0:
        chosen = _best(log.until(moment))
        if chosen and moment + _confirming(chosen) <= seconds:
            return [BASELINE, *(one.configuration for one in chosen)]
        moment -= STEP
    return []


def _best(found: Sequence[Found]) -> list[Found]:
    """The best of different configurations that are not the baseline."""
    chosen: dict[Configuration, Found] = {}
    for one in sorted(found, key=lambda one: -one.value):
        if one.configuration != BASELINE:
            chosen.setdefault(one.configuration, one)
    return [*chosen.values()][:N_BEST]


def _confirming(chosen: Sequence[Found]) -> float:
    """Seconds that a confirmation takes; the baseline is taken for one like the others."""
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
