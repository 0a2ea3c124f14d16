"""Starts many sweeps at the same moment, in cheap processes.

Each process is forked from one that has imported everything. It does all that a sweep does, from
Hydra's start to the summary, but without workers and trials: its timeout ends at once.
"""

import multiprocessing
import os
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.context import ForkServerContext
from multiprocessing.synchronize import Barrier, Semaphore
from pathlib import Path

from besom.tracking.client import import_mlflow
from besom.workers import local
from tests.chaos import app

import_mlflow()

from besom.tracking import store  # noqa: E402, F401  slow, so it is imported before the forks

PATIENCE_SECONDS = 120.0


@dataclass(frozen=True)
class Ended:
    """The process id and exit code of a sweep, and what it printed."""

    process: int
    code: int | None
    said: str


class NoWorkers(local.LocalPool):
    """A pool whose workers never start; a sweep starts them once it holds its study's lock."""

    refusals: Semaphore
    n_rivals = 0

    def start(self, worker: int) -> None:
        """Hold the lock until all rivals have been refused."""
        for _ in range(self.n_rivals):
            assert self.refusals.acquire(timeout=PATIENCE_SECONDS)
        NoWorkers.n_rivals = 0


def context() -> ForkServerContext:
    """Return the context that starts processes. Use one for many calls: it imports modules once."""
    made = multiprocessing.get_context("forkserver")
    made.set_forkserver_preload([__name__])
    return made


def start_at_once(forks: ForkServerContext, folder: Path, studies: Sequence[str]) -> list[Ended]:
    """Start a sweep for each study in one folder, at the same moment; wait for all of them."""
    gate, refusals = forks.Barrier(len(studies)), forks.Semaphore(0)
    logs = [folder / f"{number}.log" for number in range(len(studies))]
    n_rivals = len(studies) - len(set(studies))
    processes = [
        forks.Process(target=_begin, args=(folder, name, log, gate, refusals, n_rivals))
        for name, log in zip(studies, logs, strict=True)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(PATIENCE_SECONDS)
        process.kill()
    return [
        Ended(process.pid or 0, process.exitcode, log.read_text())
        for process, log in zip(processes, logs, strict=True)
    ]


def _begin(
    folder: Path, study: str, log: Path, gate: Barrier, refusals: Semaphore, n_rivals: int
) -> None:
    assert threading.active_count() == 1, "forked from a process with threads"
    os.chdir(folder)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    local.LocalPool = NoWorkers  # type: ignore[misc]
    NoWorkers.refusals, NoWorkers.n_rivals = refusals, n_rivals
    sys.argv = [
        *("app.py", "--multirun", "hydra/sweeper=besom", "x=interval(-1,2)"),
        *(f"hydra.sweeper.study_name={study}", "hydra.sweeper.objective=loss"),
        "hydra.sweeper.timeout=1e-9",
    ]
    gate.wait(PATIENCE_SECONDS)
    try:
        app.main()
    except SystemExit:
        refusals.release()
        raise
