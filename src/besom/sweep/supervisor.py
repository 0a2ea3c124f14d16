"""The supervisor: assigns jobs, listens to workers, and passes on what they say."""

import time
from collections import deque

from besom.common.errors import StoreError, SweepFailed
from besom.common.states import State
from besom.sweep.jobs import Agenda, Job
from besom.sweep.output.progress import Progress
from besom.sweep.timeouts import Patience
from besom.sweep.told import Noted, write_down
from besom.tracking.record import Record
from besom.workers.messages import (
    Composed,
    Died,
    Event,
    Expected,
    FromWorker,
    Outcome,
    Ready,
    Reported,
    Verdict,
)
from besom.workers.pool import Pool

LOOK_SECONDS = 0.5
"""How often it looks for what is no event: jobs that are overdue, a full disk, Ctrl-C."""
# So many workers in a row that die before they are ready mean that none ever will be; more where
# there are many, whom something else may kill.
MAX_STILLBIRTHS = 3


class Supervisor:
    """Drives workers through one agenda after another.

    Args:
        places: keys that say where things are; they are not among the runs' parameters.
        patience: with jobs that take long and workers that are silent.
    """

    def __init__(
        self,
        record: Record,
        pool: Pool,
        n_jobs: int,
        places: tuple[str, ...],
        patience: Patience,
    ) -> None:
        self._record = record
        self._pool = pool
        self._n_jobs = n_jobs
        self._places = places
        self._patience = patience
        self._ready: set[int] = set()
        self._idle: deque[int] = deque()
        self._jobs: dict[int, Job] = {}
        self._stillbirths = 0
        self._looks_again = 0.0
        self._no_room = ""
        self.stopping = False

    def run(self, agenda: Agenda, progress: Progress) -> None:
        """Work until nothing is left to do, or until ``stopping`` and all jobs have stopped.

        Raises:
            SweepFailed: more failed than allowed, or workers do not start.
            ConfigError: the task has no such objective.
            StoreError: the disk is full.
        """
        for worker in range(min(self._n_jobs, agenda.n_open())):
            self._pool.start(worker)
        self._dispatch(agenda, progress)
        while self._jobs or (agenda.n_open() and not self.stopping):
            self._record.check()
            if event := self._pool.next_event(LOOK_SECONDS):
                self._handle(event, agenda, progress)
            self._end_the_overdue(event.at if event else time.monotonic())
            self._dispatch(agenda, progress)
        if self._no_room:
            raise StoreError(f"{self._no_room}.\nMake room; the same command goes on.")
        if failure := agenda.failure():
            raise failure

    def abandon(self) -> None:
        """Close the runs of jobs whose workers have been ended with the sweep."""
        for job in self._jobs.values():
            self._kill(job)
        self._jobs.clear()

    def _dispatch(self, agenda: Agenda, progress: Progress) -> None:
        """Work for the workers that are free."""
        while self._idle and not self.stopping and agenda.n_open():
            worker = self._idle[0]
            if job := agenda.next(worker):
                self._idle.popleft()
                self._jobs[worker] = job
                self._pool.send(worker, job.assignment)
                progress.started(worker, job.what)

    # -- what workers say --------------------------------------------------------------------

    def _handle(self, event: Event, agenda: Agenda, progress: Progress) -> None:
        job = self._jobs.get(event.worker)
        if job:
            job.heard = time.monotonic()
        match event.message:
            case Ready():
                self._ready.add(event.worker)
                self._idle.append(event.worker)
            case Died(cause):
                self._bury(event.worker, cause, agenda)
            case Outcome() as outcome if job:
                del self._jobs[event.worker]
                if not outcome.is_last:
                    self._idle.append(event.worker)
                self._land(event.worker, job, outcome, agenda)
            case Reported() as report if job:
                job.reported.update(report.metrics)
                prune, value = agenda.judge(job, report)
                self._answer(event.worker, prune)
                self._record.metrics(job.run_id, report.step, report.metrics)
                progress.reported(event.worker, report.step, value)
            case Expected(steps) if job:
                progress.expects(event.worker, steps)
            case message if job:
                self._keep(job, message)

    def _answer(self, worker: int, prune: bool) -> None:
        """Before anything is recorded, since the worker waits."""
        go_on = Verdict.INTERRUPT if self.stopping else Verdict.CONTINUE
        self._pool.send(worker, Verdict.PRUNE if prune else go_on)

    def _keep(self, job: Job, message: FromWorker) -> None:
        """What needs no answer."""
        if isinstance(message, Composed):
            job.begun = True
            self._stillbirths = 0
        if isinstance(message, Noted):
            write_down(self._record, job.run_id, message, self._places)

    def _land(self, worker: int, job: Job, outcome: Outcome, agenda: Agenda) -> None:
        if outcome.ends_sweep:
            self._no_room = self._no_room or outcome.error
            self.stopping = True
        if outcome.state is State.INTERRUPTED and (self.stopping or not outcome.error):
            self._kill(job)
            agenda.put_back(worker, job)
        elif outcome.state is State.INTERRUPTED:
            job.begun = True  # it counts, however far it came
            agenda.lose(worker, job, outcome.error)
        else:
            agenda.end(worker, job, outcome)
        self.stopping = self.stopping or agenda.failure() is not None

    def _kill(self, job: Job) -> None:
        self._record.kill(job.run_id, {"besom.state": State.INTERRUPTED.value})

    # -- what goes wrong ---------------------------------------------------------------------

    def _end_the_overdue(self, now: float) -> None:
        """End workers whose job takes too long, or who seem to hang; what they said still counts.

        ``now`` is the time up to which all that was said has been handled: a worker is not silent
        while what it said still waits for the supervisor.

        A job that took too long would do so again, and fails. One whose worker was silent is lost
        as if that had died, and is tried again.
        """
        if now < self._looks_again:
            return
        self._looks_again = now + LOOK_SECONDS
        for worker, job in self._jobs.items():
            job.overdue = self._patience.too_long(job, now)
            cause = job.overdue or self._patience.too_quiet(job, now)
            if cause:
                self._pool.end(worker, cause)

    def _bury(self, worker: int, cause: str, agenda: Agenda) -> None:
        """A worker has died; another takes its place where there is work."""
        if worker in self._idle:
            self._idle.remove(worker)
        job = self._jobs.pop(worker, None)
        stillborn = worker not in self._ready or (job is not None and not job.begun)
        self._ready.discard(worker)
        if job and job.overdue:
            seconds = time.monotonic() - job.assigned
            agenda.end(worker, job, Outcome(State.FAILED, {}, seconds, f"it {job.overdue}"))
        elif job:
            agenda.lose(worker, job, f"its worker {cause}")
        if job:
            self.stopping = self.stopping or agenda.failure() is not None
        if stillborn:
            self._count_stillbirth(worker, cause)
        if not self.stopping and agenda.n_open():
            self._pool.start(worker)

    def _count_stillbirth(self, worker: int, cause: str) -> None:
        self._stillbirths += 1
        if self._stillbirths >= max(MAX_STILLBIRTHS, 2 * self._n_jobs):
            raise SweepFailed(f"worker {worker} does not start: it {cause}; see its log.")
