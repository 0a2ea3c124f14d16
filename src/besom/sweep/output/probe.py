"""A short timed run of the baseline in a worker, recorded nowhere."""

import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from besom.common.states import State
from besom.sweep.plan import Plan
from besom.workers.messages import (
    Assignment,
    Outcome,
    Ready,
    Reported,
    ReportReply,
    Told,
    WorkerExited,
)
from besom.workers.pool import Pool, make_pool

MAX_SECONDS = 600


@dataclass
class Probe:
    """What a short run has shown.

    Attributes:
        start: seconds until a worker has started and computed its first step.
        step: seconds of each further step.
        rest: seconds of a trial that are no steps: composing, building, evaluating, saving.
        disk: bytes that a trial leaves, its saved files kept twice: job folder and record.
    """

    start: float
    step: float
    rest: float
    disk: int


@dataclass
class _Watch:
    """When things happened, in seconds since the start."""

    began: float = field(default_factory=time.monotonic)
    reports: list[float] = field(default_factory=list)
    saved: list[Path] = field(default_factory=list)

    def now(self) -> float:
        return time.monotonic() - self.began


def probe(plan: Plan) -> Probe | None:
    """Run the baseline with the task's probe overrides; None where it fails or takes too long."""
    with tempfile.TemporaryDirectory(prefix="besom-probe-") as folder:
        sweep_dir = f"hydra.sweep.dir={folder}"
        overrides = (*plan.baseline_words, *plan.hooks.probe, sweep_dir)
        pool = make_pool(plan.application, plan.options.n_jobs, Path(folder, "workers"))
        try:
            return _watch(pool, Assignment(0, 1, overrides), Path(folder))
        finally:
            pool.stop()


def _watch(pool: Pool, assignment: Assignment, folder: Path) -> Probe | None:
    watch = _Watch()
    pool.start(0)
    while watch.now() < MAX_SECONDS:
        event = pool.next_event(1.0)
        match event.message if event else None:
            case Ready():
                pool.send(0, assignment)
            case Reported():
                watch.reports.append(watch.now())
                pool.send(0, ReportReply.CONTINUE)
            case Told("save", (path,)):
                watch.saved.append(path)
            case Told("save_model", (model,)):
                watch.saved.append(model.path)
            case WorkerExited():
                return None
            case Outcome(state=state):
                return _measured(watch, folder) if state is State.COMPLETE else None
    return None


def _measured(watch: _Watch, folder: Path) -> Probe:
    end = watch.now()
    first = watch.reports[0] if watch.reports else end
    last = watch.reports[-1] if watch.reports else end
    step = (last - first) / (len(watch.reports) - 1) if len(watch.reports) > 1 else 0.0
    kept = sum(path.stat().st_size for path in watch.saved if path.is_file())
    left = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return Probe(start=first, step=step, rest=end - last, disk=kept + left)
