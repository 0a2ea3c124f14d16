"""Sweeps in this process, with scripted workers and real Optuna and MLflow databases."""

import shutil
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from omegaconf import OmegaConf
from optuna.storages import RDBStorage
from rich.console import Console

from besom.app.hooks import Hooks
from besom.app.job import JobRunner
from besom.app.source import Source
from besom.common.states import State
from besom.common.terminal.time_left import TimeLeft
from besom.search.algorithms.options import NoPruner, RandomSampler
from besom.search.algorithms.pruners import make_pruner
from besom.search.algorithms.samplers import make_sampler
from besom.search.objective import read_objective
from besom.search.options import SweepOptions
from besom.search.space.grammar import read_space
from besom.search.storage.database import open_confirmations, open_study
from besom.search.study import Study
from besom.search.warm_start.trials import WarmStart
from besom.sweep.confirmation.run import confirm
from besom.sweep.identity.fingerprint import leave_out
from besom.sweep.jobs import Sweep
from besom.sweep.plan import Plan
from besom.sweep.progress import PlainProgress, Tally
from besom.sweep.recovery.recovery import recover, take_earlier_confirmations
from besom.sweep.retention.models import KeptModels
from besom.sweep.steering.n_trials import with_set_n_trials
from besom.sweep.steering.requests import steering_folder
from besom.sweep.steering.state import SupervisorState
from besom.sweep.steering.steering import Steering
from besom.sweep.steering.timeouts import Timeouts
from besom.sweep.supervisor import Supervisor
from besom.sweep.trials import TrialJobs
from besom.tracking import schema
from besom.tracking.record import Record, connect
from besom.workers.messages import (
    Assignment,
    Event,
    FromWorker,
    Outcome,
    Ready,
    ReportReply,
    ToWorker,
    WorkerExited,
)

# A scripted worker: yields its messages; receives a reply after each Reported.
Script = Callable[[Assignment], Iterator[FromWorker]]


def completes(assignment: Assignment) -> Iterator[FromWorker]:
    """Complete with x² as the loss."""
    x = float(assignment.overrides[-1].partition("=")[2])
    yield Outcome(State.COMPLETE, {"loss": x * x}, seconds=0.1)


NO_HOOKS = Hooks()
LEARNS_FROM_NONE = WarmStart()
BASELINE = OmegaConf.create({"x": 0.5})
MASTER = OmegaConf.create({"hydra": {"sweep": {"dir": "multirun"}}})


@dataclass
class ScriptedPool:
    """A pool whose workers are generators; it delivers their messages in order, one at a time."""

    script: Script
    started: list[int] = field(default_factory=list)
    assigned: list[Assignment] = field(default_factory=list)
    replies: list[ReportReply] = field(default_factory=list)
    _events: deque[Event] = field(default_factory=deque)
    _alive: set[int] = field(default_factory=set)
    _running: dict[int, Iterator[FromWorker]] = field(default_factory=dict)

    def resize(self, size: int) -> None:
        pass

    def start(self, worker: int) -> None:
        if worker not in self._alive:
            self._alive.add(worker)
            self.started.append(worker)
            self._events.append(Event(worker, Ready()))

    def send(self, worker: int, message: ToWorker) -> None:
        if isinstance(message, Assignment):
            self.assigned.append(message)
            self._running[worker] = self.script(message)
            self._advance(worker, None)
        else:
            self.replies.append(message)
            self._advance(worker, message)

    def end(self, worker: int, cause: str) -> None:
        self._events.append(Event(worker, WorkerExited(cause)))

    def next_event(self, timeout: float) -> Event | None:
        event = self._events.popleft() if self._events else None
        if event and isinstance(event.message, WorkerExited):
            self._alive.discard(event.worker)
        return event

    def stop(self) -> None:
        self._running.clear()

    def _advance(self, worker: int, reply: ReportReply | None) -> None:
        """Run the script until it waits for a reply or ends."""
        from besom.workers.messages import Reported

        script = self._running[worker]
        try:
            message = script.send(reply) if reply else next(script)  # type: ignore[attr-defined]
            self._events.append(Event(worker, message))
            while not isinstance(message, Reported | Outcome):
                message = next(script)
                self._events.append(Event(worker, message))
            if isinstance(message, Outcome) and message.is_last:
                self._events.append(Event(worker, WorkerExited("was killed by SIGKILL")))
        except StopIteration:
            pass


@dataclass
class Driver:
    """A sweep that is ready to run."""

    supervisor: Supervisor
    trials: TrialJobs
    progress: PlainProgress
    sweep: Sweep

    def run(self) -> None:
        self.supervisor.run(self.trials, self.progress)

    def confirm(self) -> str:
        return confirm(self.sweep, self.supervisor, Console(quiet=True)).verdict


@dataclass
class Bench:
    """Runs sweeps over ``x`` with one Optuna database and one MLflow record."""

    root: Path
    record: Record

    def study(self, **options: Any) -> Study:
        plan = self.plan(**options)
        storage = f"sqlite:///{self.root / 'optuna.db'}"
        study = open_study("bench", storage, plan.objective.directions)
        leave_out(plan, study)
        sampler = make_sampler(plan.options.sampler, plan.space.dimensions, len(study.rows()))
        study.use(sampler, make_pruner(plan.options.pruner))
        return study

    def plan(
        self,
        space: str = "x=interval(-1,1)",
        code: str = "0" * 64,
        hooks: Hooks = NO_HOOKS,
        enqueued: tuple[dict[str, Any], ...] = (),
        warm_start: WarmStart = LEARNS_FROM_NONE,
        **options: Any,
    ) -> Plan:
        defaults: dict[str, Any] = {"root": str(self.root)}
        defaults |= {"sampler": RandomSampler(seed=1), "pruner": NoPruner(), "objective": "loss"}
        made = SweepOptions(**(defaults | options))
        return Plan(
            options=made,
            application=JobRunner(None, lambda config: 0.0, MASTER),  # type: ignore[arg-type]
            space=read_space({}, [space], loader=None),
            objective=read_objective(made.objective, made.direction),
            baseline=BASELINE,
            baseline_params={"x": 0.5},
            suggest=None,
            hooks=hooks,
            source=Source(code),
            identity=hooks.identity(BASELINE),
            enqueued=enqueued,
            warm_start=warm_start,
        )

    def sweep(self, script: Script = completes, **options: Any) -> tuple[Study, ScriptedPool]:
        driver, study, pool = self.driver(script, **options)
        driver.run()
        self.record.flush()
        return study, pool

    def metrics(self, run_id: str) -> dict[str, float]:
        return MlflowClient(self.record.uri).get_run(run_id).data.metrics

    def driver(self, script: Script, **options: Any) -> tuple[Driver, Study, ScriptedPool]:
        study = self.study(**options)
        plan = with_set_n_trials(self.plan(**options), study)
        parent = study.recall("run_id")
        if parent is None:
            parent = self.record.start_run("bench", {schema.STUDY: "bench", schema.ROLE: "sweep"})
            study.remember("run_id", parent)
        is_confirmed = plan.options.confirm.top_k > 0
        confirmations = open_confirmations(study, "minimize" if is_confirmed else None)
        take_earlier_confirmations(study, confirmations)
        sweep = Sweep(plan, study, confirmations, self.record, parent)
        unfinished = recover(sweep.studies, self.record, parent)
        leave_out(plan, study)
        self.record.log(parent, {schema.COUNTED_CODE: plan.counted.text})
        pool = ScriptedPool(script)
        tally = Tally(plan.options.n_trials, plan.objective, [], TimeLeft(plan.options.n_jobs))
        progress = PlainProgress(Console(quiet=True), tally)
        limits = Timeouts(plan.options.trial_timeout, plan.options.hang_timeout)
        steering_folder(self.root, "bench").mkdir(parents=True, exist_ok=True)
        steering = Steering(sweep, SupervisorState("this one", {}))
        n_jobs, places = plan.options.n_jobs, plan.hooks.places
        supervisor = Supervisor(self.record, pool, n_jobs, places, limits, steering.look)
        trials = TrialJobs(sweep, tally, progress, unfinished, KeptModels(sweep))
        return Driver(supervisor, trials, progress, sweep), study, pool


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database with Optuna's empty tables, for tests to copy."""
    path = tmp_path_factory.mktemp("tables") / "optuna.db"
    RDBStorage(f"sqlite:///{path}").engine.dispose()
    return path


@pytest.fixture
def bench(root: Path, tables: Path) -> Iterator[Bench]:
    shutil.copy(tables, root / "optuna.db")
    record = connect(root, None, "test")
    yield Bench(root, record)
    record.close()
