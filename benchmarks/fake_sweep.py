"""A sweep with fake workers: the supervisor, and Optuna and MLflow on SQLite, are the usual ones.

The workers are in this process and answer each message at once, so that only the work of the
supervisor for a trial is measured.
"""

import os
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from omegaconf import OmegaConf
from rich.console import Console

from besom.app.hooks import Hooks
from besom.app.job import JobRunner
from besom.app.source import Source
from besom.common.states import State
from besom.common.terminal.time_left import TimeLeft
from besom.search.algorithms.pruners import make_pruner
from besom.search.algorithms.samplers import make_sampler
from besom.search.objective import read_objective
from besom.search.options import SweepOptions
from besom.search.space.grammar import read_space
from besom.search.storage.database import open_confirmations, open_study
from besom.sweep.jobs import Sweep
from besom.sweep.plan import Plan
from besom.sweep.progress import PlainProgress, Tally
from besom.sweep.recovery.recovery import recover
from besom.sweep.retention.models import KeptModels
from besom.sweep.steering.timeouts import Timeouts
from besom.sweep.supervisor import Supervisor
from besom.sweep.trials import TrialJobs
from besom.tracking import connect, schema
from besom.workers.messages import (
    Assignment,
    Composed,
    Event,
    Expected,
    FromWorker,
    Outcome,
    Ready,
    Reported,
    ReportReply,
    Told,
    ToWorker,
    WorkerExited,
)

EPOCHS = 10
SPACE = {
    "data.vocab_size": "range(2000,20001,step=1000)",
    "data.max_length": "range(50,401,step=10)",
    "model.embedding_dim": "range(8,129,step=8)",
    "model.units": "range(8,129,step=8)",
    "training.learning_rate": "tag(log,interval(1e-4,1e-2))",
    "training.dropout": "interval(0,0.5)",
}
BASELINE = {
    "data": {"name": "imdb", "vocab_size": 10000, "max_length": 100, "path": None},
    "model": {"name": "simple_rnn", "embedding_dim": 32, "units": 32},
    "training": {
        "batch_size": 128,
        "epochs": EPOCHS,
        "learning_rate": 0.001,
        "dropout": 0.0,
        "validation_split": 0.2,
        "engine": "xla",
        "shuffle": "once",
    },
    "seed": 0,
}
FACTS = {"data.name": "imdb", "data.digest": "0" * 16, "engine": "xla", "threads": "1"}


def metrics_after(trial: int, epoch: int) -> dict[str, float]:
    """Return four metrics that differ from trial to trial and improve with the epochs."""
    loss = 0.2 + (trial * 7919 % 1000) / 2000 + 1 / epoch
    return {
        "loss": loss,
        "accuracy": 1 - loss / 4,
        "val_loss": loss * 1.1,
        "val_accuracy": 1 - loss / 3,
    }


def configuration(overrides: tuple[str, ...]) -> dict[str, object]:
    """Return the baseline's flat parameters, with the values of a trial's overrides."""
    flat = {
        f"{group}.{key}": value
        for group, values in BASELINE.items()
        if isinstance(values, dict)
        for key, value in values.items()
    }
    changed = (override.split("=") for override in overrides)
    return flat | {"seed": 0} | {key: float(value) for key, value in changed}


@dataclass
class Spent:
    """Wall time and processor time of all threads of this process, in seconds."""

    wall: float = 0.0
    processor: float = 0.0


@contextmanager
def spending() -> Iterator[Spent]:
    """Measure the block; what is yielded is filled in at its end."""
    spent = Spent()
    wall, processor = time.perf_counter(), time.process_time()
    yield spent
    spent.wall = time.perf_counter() - wall
    spent.processor = time.process_time() - processor


class FakePool:
    """A pool whose workers do no work. Events come in the order in which they were caused."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._config = OmegaConf.to_yaml(OmegaConf.create(BASELINE))
        self._events: deque[Event] = deque()
        self._running: dict[int, Iterator[FromWorker]] = {}

    def connect(self) -> None:
        pass

    def room(self) -> int:
        return 1

    def resize(self, size: int) -> None:
        pass

    def start(self, worker: int) -> None:
        if worker not in self._running:
            self._running[worker] = iter(())
            self._events.append(Event(worker, Ready()))

    def send(self, worker: int, message: ToWorker) -> None:
        if isinstance(message, Assignment):
            self._running[worker] = self._train(message)
        elif message is not ReportReply.CONTINUE:
            outcome = Outcome(State.PRUNED, {}, seconds=60.0)
            self._events.append(Event(worker, outcome))
            return
        for said in self._running[worker]:
            self._events.append(Event(worker, said))
            if isinstance(said, Reported):  # waits for its reply
                return

    def end(self, worker: int, cause: str) -> None:
        self._events.append(Event(worker, WorkerExited(cause)))

    def next_event(self, timeout: float) -> Event | None:
        return self._events.popleft() if self._events else None

    def stop(self) -> None:
        self._running.clear()

    def _train(self, assignment: Assignment) -> Iterator[FromWorker]:
        folder = self._folder / str(assignment.trial)
        params = configuration(assignment.overrides)
        yield Composed(params, self._config, assignment.overrides, folder)
        yield Expected(EPOCHS)
        yield Told("log", (FACTS,))
        for epoch in range(1, EPOCHS + 1):
            yield Reported(epoch, metrics_after(assignment.trial, epoch))
        yield Outcome(State.COMPLETE, metrics_after(assignment.trial, EPOCHS), seconds=60.0)


def make_plan(options: SweepOptions) -> Plan:
    """Return a plan for ``SPACE`` around ``BASELINE``, without a Hydra application."""
    baseline = OmegaConf.create(BASELINE)
    return Plan(
        options=options,
        application=JobRunner(None, lambda config: 0.0, OmegaConf.create()),  # type: ignore[arg-type]
        space=read_space(SPACE, [], loader=None),
        objective=read_objective("val_accuracy", "maximize"),
        baseline=baseline,
        baseline_params={key: OmegaConf.select(baseline, key) for key in SPACE},
        suggest=None,
        hooks=Hooks(places=("tracking", "data.path")),
        source=Source(None, "there is no application"),
    )


def sweep(root: Path, options: SweepOptions) -> Spent:
    """Sweep the study below ``root`` up to ``options.n_trials``; return the cost, with MLflow's."""
    plan = make_plan(options)
    study = open_study("scale", f"sqlite:///{root / 'optuna.db'}", plan.objective.directions)
    rows = study.rows()
    study.use(
        make_sampler(options.sampler, plan.space.dimensions, len(rows)), make_pruner(options.pruner)
    )
    with open(os.devnull, "w") as nowhere:
        record = connect(root, None, "besom")
        parent = study.recall("run_id") or record.start_run("scale", {schema.ROLE: "sweep"})
        study.remember("run_id", parent)
        sweep = Sweep(plan, study, open_confirmations(study, None), record, parent)
        unfinished = recover(sweep.studies, record, parent)
        tally = Tally(options.n_trials, plan.objective, rows, TimeLeft(options.n_jobs))
        progress = PlainProgress(Console(file=nowhere), tally)
        pool = FakePool(root / "jobs")
        supervisor = Supervisor(record, pool, options.n_jobs, plan.hooks.places, Timeouts())
        jobs = TrialJobs(sweep, tally, progress, unfinished, KeptModels(sweep))
        with spending() as spent:
            for worker in range(min(options.n_jobs, options.n_trials - len(rows))):
                pool.start(worker)
            supervisor.run(jobs, progress)
            record.close()
    return spent
