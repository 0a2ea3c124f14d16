"""Runs sweeps, kills their processes and restarts their databases, and examines the outcome."""

import os
import random
import re
import signal
import sys
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy

from besom.sweep.steering.requests import ENQUEUE
from tests import warm
from tests.chaos.autopsy import STEPS, Findings, Stores, examine
from tests.chaos.steer import Asked, Steerer, put_request
from tests.processes import having, kill, workers_of

APP = Path(__file__).with_name("app.py")
CHECKOUT = Path(__file__).parents[2]
STUDY = "app"
MARK = "BESOM_CHAOS_SWEEP"
N_CONFIRMATIONS = 4  # the baseline and the best trial on two seeds each
GONE_SECONDS = 5.0
"""How long workers may outlive a killed supervisor."""

HUNG_SECONDS = 300.0
"""The longest wait for a restarted sweep to end a trial."""


@dataclass(frozen=True)
class Sizes:
    """The size of a sweep, and how often it is disturbed. A step takes ``seconds``; a short sweep
    needs long steps, so that it does not end while the effect of a kill is awaited."""

    workers: int = 8
    trials: int = 200
    seconds: float = 0.01
    worker_kills: int = 100
    supervisor_kills: int = 10
    stops: int = 10
    restarts: int = 0
    requests: int = 0


@dataclass
class Hurt:
    """What was done to a sweep, and how soon it recovered (seconds).

    ``noticed`` holds the times after which it reported a killed worker. A worker without a trial is
    not reported, and before the first trial has ended nothing is measured: the sweep may still be
    opening its stores.
    ``restarts`` counts those of its database; ``ended`` of them interrupted a write and ended it.
    ``requests`` counts the carried out requests of other terminals.
    """

    worker_kills: int = 0
    supervisor_kills: int = 0
    stops: int = 0
    restarts: int = 0
    ended: int = 0
    requests: int = 0
    noticed: list[float] = field(default_factory=list)
    gone_on: list[float] = field(default_factory=list)


class Victim:
    """A sweep in ``folder`` that can be started many times; its output is appended to ``log``.

    Its records are in the folder too, unless ``stores`` is given. ``mark`` is in the environment of
    all its processes, and ``variables`` in that of its supervisor.
    """

    gone_seconds = GONE_SECONDS

    def __init__(
        self,
        folder: Path,
        sizes: Sizes,
        *overrides: str,
        log: Path | None = None,
        stores: Stores | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.root = folder / "mlruns"
        self._stores = stores or Stores.below(self.root)
        told = {"storage": stores.storage, "tracking_uri": stores.tracking} if stores else {}
        self._engine = sqlalchemy.create_engine(
            read_only(self._stores.storage), poolclass=sqlalchemy.NullPool
        )
        self._sizes = sizes
        self.mark = uuid.uuid4().hex
        self._variables = dict(variables or {})
        self._log = log or folder / "output.log"
        self.words = (
            "x=interval(-1,2)",
            f"steps={STEPS}",
            f"seconds={sizes.seconds}",
            "hydra.sweeper.objective=loss",
            *("hydra/sweeper/sampler=random", "hydra.sweeper.sampler.seed=1"),
            f"hydra.sweeper.n_trials={sizes.trials}",
            f"hydra.sweeper.n_jobs={sizes.workers}",
            "hydra.sweeper.max_attempts=1000",
            *("hydra.sweeper.confirm.top_k=1", "hydra.sweeper.confirm.seeds=2"),
            *(f"hydra.sweeper.{option}='{address}'" for option, address in told.items()),
            *overrides,
        )

    def start(self, phase: str = "") -> warm.Process:
        """Run the command that starts or resumes the sweep; the supervisor dies in ``phase``."""
        search = os.pathsep.join(filter(None, (str(CHECKOUT), os.environ.get("PYTHONPATH"))))
        given = {"BESOM_CHAOS": phase, MARK: self.mark, "PYTHONPATH": search} | self._variables
        words = [str(APP), "-m", "hydra/sweeper=besom", *self.words]
        return warm.Process(
            words, self.folder, merged=True, session=True, variables=given, log=self._log
        )

    def finish(self) -> None:
        """Start the sweep once more and wait for its end."""
        sweep = self.start()
        try:
            code = sweep.wait(timeout=600)
        finally:
            sweep.kill()
        assert code == 0, self.output()[-3000:]

    def output(self) -> str:
        """Return all that the sweep has printed, since its first start."""
        return self._log.read_text() if self._log.exists() else ""

    def n_ended(self) -> int:
        """Count the trials and confirmations that have ended; 0 without a study or an answer."""
        return self._count(
            "SELECT COUNT(*) FROM trials WHERE state IN ('COMPLETE', 'PRUNED', 'FAIL')"
        )

    def n_begun(self) -> int:
        """Count the trials and confirmations that run, or have a run and are about to be sent."""
        return self._count(
            "SELECT COUNT(*) FROM trials NATURAL JOIN trial_user_attributes "
            "WHERE state = 'RUNNING' AND key = 'besom.run_id'"
        )

    def _count(self, query: str) -> int:
        try:
            with self._engine.connect() as database:
                return int(database.scalar(sqlalchemy.text(query)))
        except sqlalchemy.exc.SQLAlchemyError:
            return 0

    def survivors(self) -> list[int]:
        """Return the ids of the sweep's processes, including the shells that guard its workers."""
        return having(f"{MARK}={self.mark}")

    def wait_until_gone(self) -> None:
        """Wait until all processes of a killed supervisor have ended."""
        wait_for(lambda: not self.survivors(), self.gone_seconds, "its workers outlive it")

    def examine(self, asked: Asked | None = None) -> Findings:
        """Return the faults in what the sweep has left, a failing ``besom report`` included."""
        self.wait_until_gone()  # the shells that guarded its workers take a moment to end
        asked = asked or Asked(self._sizes.trials)
        found = examine(self.root, self._stores, STUDY, asked, N_CONFIRMATIONS)
        code = "import sys; from besom.cli.main import main; sys.exit(main(sys.argv[1:]))"
        words = ["-c", code, "report", STUDY, "--tracking-uri", self._stores.tracking]
        done = warm.run(words, self.folder)
        if done.returncode:
            found.losses.append(f"no report: {done.stderr}")
        return found


def read_only(storage: str) -> str:
    """Return an address of the database that creates neither a file nor a table."""
    path = storage.removeprefix("sqlite:///")
    return storage if path == storage else f"sqlite:///file:{path}?mode=ro&uri=true"


def kill_in(orders: Sequence[str], folder: Path, sizes: Sizes) -> Findings:
    """Kill the supervisor in one phase after the other (``after tell@2``: the second time that it
    gets there), starting a new one each time; then let the sweep finish and examine it.

    If a phase is one of a request, three points are enqueued.
    """
    victim, asked = Victim(folder, sizes), Asked(sizes.trials)
    if any("request" in order for order in orders):
        asked.points += [0.125, 0.25, 0.375]
        for point in asked.points:
            put_request(victim.root, STUDY, ENQUEUE, words=[f"x={point}"])
    for order in orders:
        sweep = victim.start(order)
        try:
            code = sweep.wait(timeout=120)
        finally:
            sweep.kill()
        assert code == -signal.SIGKILL, f"it never came to be {order}: {victim.output()[-3000:]}"
        victim.wait_until_gone()
    victim.finish()
    return victim.examine(asked)


def hurt(
    folder: Path,
    seed: int,
    sizes: Sizes,
    stores: Stores | None = None,
    restart: Callable[[], None] = lambda: None,
) -> tuple[Hurt, Findings]:
    """Kill and suspend processes at random, evenly over the course of the sweep; then examine it.

    Args:
        restart: restarts the database. A sweep that this ends must have the exit code 2.
    """
    chance = random.Random(seed)
    victim, done = Victim(folder, sizes, stores=stores), Hurt()
    blows = _blows(chance, sizes)
    steerer = Steerer(victim.root, STUDY, sizes.trials, random.Random(seed))
    sweep = victim.start()
    try:
        for at, blow in blows:
            sweep = await_progress(victim, sweep, at, done)
            if sweep.poll() is not None:
                break
            if blow == "restart":
                restart()
                done.restarts += 1
            elif blow == "request":
                steerer.ask(victim.n_ended())
            elif blow == "supervisor":
                sweep = kill_supervisor(victim, sweep, done)
            elif blow == "stop":
                _stop_for_a_while(sweep, chance, done)
            else:
                _kill_worker(victim, sweep, chance, done)
        sweep = await_progress(victim, sweep, sys.maxsize, done)
        code = sweep.wait(timeout=600)
        assert code == 0, victim.output()[-3000:]
    finally:
        sweep.kill()
        steerer.join()
    done.requests = steerer.asked.n_done
    return done, victim.examine(steerer.asked)


def await_progress(victim: Victim, sweep: warm.Process, goal: int, done: Hurt) -> warm.Process:
    """Wait until ``goal`` trials and confirmations have ended, or the sweep; return its process.

    A sweep that a restart of its database has ended is started again.
    """
    wait_for(lambda: victim.n_ended() >= goal or sweep.poll() is not None, 300)
    if sweep.poll() != 2 or done.ended >= done.restarts:
        return sweep
    done.ended += 1
    return await_progress(victim, victim.start(), goal, done)


def _blows(chance: random.Random, sizes: Sizes) -> list[tuple[int, str]]:
    """Return, in order, how many trials and confirmations end before each disturbance; its kind."""
    kinds = {
        "worker": sizes.worker_kills,
        "supervisor": sizes.supervisor_kills,
        "stop": sizes.stops,
        "restart": sizes.restarts,
        "request": sizes.requests,
    }
    last = sizes.trials + N_CONFIRMATIONS - 2
    blows = [(chance.randint(0, last), kind) for kind, n in kinds.items() for _ in range(n)]
    return sorted(blows)


def _kill_worker(victim: Victim, sweep: warm.Process, chance: random.Random, done: Hurt) -> None:
    workers = workers_of(sweep.pid)
    if not workers:  # they are being started again
        wait_for(lambda: workers_of(sweep.pid) or sweep.poll() is not None, 60)
        workers = workers_of(sweep.pid)
    time.sleep(chance.uniform(0, 0.1))
    if not workers or sweep.poll() is not None:
        return
    before = deaths(victim)
    try:
        kill(chance.choice(workers))
    except ProcessLookupError:  # it has ended with its sweep
        return
    began = time.monotonic()
    done.worker_kills += 1
    if not victim.n_ended():
        return
    while time.monotonic() - began < 1.5 and sweep.poll() is None:
        if deaths(victim) > before:
            done.noticed.append(time.monotonic() - began)
            return
        time.sleep(0.01)


def deaths(victim: Victim) -> int:
    """Count the deaths of workers that the sweep has reported; it reports those with a trial."""
    return len(re.findall("its worker was (?:killed|lost)", victim.output()))


def kill_supervisor(victim: Victim, sweep: warm.Process, done: Hurt) -> warm.Process:
    kill(sweep.pid)
    sweep.wait()
    victim.wait_until_gone()
    done.supervisor_kills += 1
    before, began = victim.n_ended(), time.monotonic()
    again = victim.start()
    wait_for(lambda: victim.n_ended() > before or again.poll() is not None, HUNG_SECONDS)
    done.gone_on.append(time.monotonic() - began)
    return again


def _stop_for_a_while(sweep: warm.Process, chance: random.Random, done: Hurt) -> None:
    workers = workers_of(sweep.pid)
    if not workers:
        return
    worker = chance.choice(workers)
    kill(worker, signal.SIGSTOP)
    time.sleep(chance.uniform(0.05, 0.5))
    try:
        kill(worker, signal.SIGCONT)
    except ProcessLookupError:
        return
    done.stops += 1


def wait_for(condition: Callable[[], object], seconds: float, otherwise: str = "in vain") -> None:
    """Poll until ``condition`` holds; fail after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s: {otherwise}"
        time.sleep(0.02)
