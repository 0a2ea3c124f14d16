"""The memory of a worker over many short trials, with ever new shapes and with a few."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from hydra._internal.callbacks import Callbacks
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path
from hydra.core.global_hydra import GlobalHydra
from hydra.types import HydraContext, RunMode

from benchmarks.harness import Row, main, pinned
from besom.app import job
from besom.app.config_paths import conf_folder
from besom.app.job import JobRunner
from besom.common.states import State
from besom.rnn import config
from besom.rnn.__main__ import task
from besom.workers.local import LocalPool
from besom.workers.messages import Assignment, Outcome, Ready, Reported, ReportReply, WorkerExited
from besom.workers.resources import GROWTH_LIMIT

SHORT = (
    *("data=synthetic", "data.train_reviews=400", "data.test_reviews=20"),
    *("evaluate_test=false", "training.epochs=1", "training.batch_size=64"),
)
FEW = 8


@dataclass(frozen=True)
class Trial:
    """The worker's memory after a trial (bytes), and the seconds since the previous trial's end."""

    memory: int
    seconds: float


def measure(quick: bool) -> list[Row]:
    """Measure new shapes without and with replacement of the worker; then a few shapes in turn."""
    n_trials = 30 if quick else 100
    limit = GROWTH_LIMIT // 5 if quick else GROWTH_LIMIT
    with pinned(1), tempfile.TemporaryDirectory() as folder:
        payload = _payload(folder)
        unlimited = _trials(payload, folder, n_trials, n_trials, limit=1 << 60)
        limited = _trials(payload, folder, n_trials, n_trials, limit)
        few = _trials(payload, folder, n_trials, FEW, limit)
    return [
        _row("new shapes, one process", unlimited),
        _row(f"new shapes, replaced after {limit >> 20} MiB more", limited),
        _row(f"{FEW} shapes in turn", few),
    ]


def _trials(payload: bytes, folder: str, n_trials: int, n_shapes: int, limit: int) -> list[Trial]:
    pool = LocalPool(1, payload, Path(folder, "workers"), limit)
    pool.start(0)
    trials: list[Trial] = []
    ended = time.perf_counter()
    try:
        while len(trials) < n_trials:
            event = pool.next_event(1.0)
            match event.message if event else None:
                case Reported():
                    pool.send(0, ReportReply.CONTINUE)
                    continue
                case Outcome() as outcome:
                    assert outcome.state is State.COMPLETE, outcome.traceback
                    now = time.perf_counter()
                    trials.append(Trial(outcome.memory, now - ended))
                    ended = now
                    if outcome.is_last:
                        continue
                case WorkerExited():
                    pool.start(0)
                    continue
                case Ready():
                    ended = ended if trials else time.perf_counter()
                case _:
                    continue
            shape = len(trials) % n_shapes
            overrides = (*SHORT, f"model.units={8 + shape}", f"data.max_length={20 + shape % 5}")
            pool.send(0, Assignment(len(trials), 1, overrides))
    finally:
        pool.stop()
    return trials


def _row(what: str, trials: list[Trial]) -> Row:
    memory = [trial.memory / 2**20 for trial in trials]
    warm = memory[len(memory) // 4 :]  # the first trials load libraries
    slope = float(np.polyfit(range(len(warm)), warm, 1)[0])
    swaps = [i for i, (a, b) in enumerate(pairwise(memory)) if b < a - 100]
    return Row(
        what,
        [max(memory)],
        unit="MiB",
        note=f"{slope:+.1f} MiB a trial; replaced {len(swaps)} times",
        details={"resident": memory, "seconds": [trial.seconds for trial in trials]},
    )


def _payload(folder: str) -> bytes:
    with _application(folder) as app:
        return job.dump(app)


@contextmanager
def _application(folder: str) -> Iterator[JobRunner]:
    """Yield the workload as a sweep sends it to its workers."""
    config.register()
    hydra = Hydra.create_main_hydra2("memory", create_config_search_path(str(conf_folder())))
    sweep = [f"hydra.sweep.dir={folder}", "hydra.sweep.subdir=${hydra.job.num}"]
    master = hydra.compose_config("train", sweep, RunMode.MULTIRUN)
    context = HydraContext(config_loader=hydra.config_loader, callbacks=Callbacks())
    yield JobRunner(context, task, master)
    GlobalHydra.instance().clear()


if __name__ == "__main__":
    main("memory", measure)
