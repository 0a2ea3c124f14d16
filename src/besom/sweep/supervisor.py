"""The supervisor: assigns jobs, listens to workers, and passes on what they say."""

import time
from collections import deque
from collections.abc import Callable, Mapping

from besom.common.errors import StoreError, StudyError
from besom.common.states import State
from besom.sweep.jobs import Job, JobSource
from besom.sweep.progress import Progress
from besom.sweep.steering.failed_starts import FailedStarts
from besom.sweep.steering.timeouts import Timeouts
from besom.tracking import schema
from besom.tracking.environment import Environment
from besom.tracking.listener import RunListener, describe
from besom.tracking.record import Record
from besom.workers.messages import (
    Composed,
    Event,
    Expected,
    Outcome,
    Ready,
    Reported,
    ReportReply,
    Told,
    WorkerExited,
)
from besom.workers.pool import Pool

LOOK_SECONDS = 0.5
"""Seconds between checks that no event triggers: for overdue jobs, a full disk, Ctrl-C."""


class Supervisor:
    """Drives workers through one source of jobs after another.

    Args:
        n_jobs: how many workers; None for as many as the pool has room for, which may change.
        places: keys that say where things are; they are not logged as parameters of runs.
        timeouts: for jobs that take long and workers that are silent.
        steer: called now and then to apply requests of other terminals; returns whether it did.
    """

    def __init__(
        self,
        record: Record,
        pool: Pool,
        n_jobs: int | None,
        places: tuple[str, ...],
        timeouts: Timeouts,
        steer: "Callable[[Supervisor, JobSource], bool]" = lambda supervisor, jobs: False,
    ) -> None:
        self._record = record
        self._pool = pool
        self._n_jobs = n_jobs
        self._places = places
        self._timeouts = timeouts
        self._steer = steer
        self._ready: set[int] = set()
        self._idle: deque[int] = deque()
        self._running: dict[int, Job] = {}
        self._remarks: set[str] = set()
        self._ended: set[int] = set()  # told to end, and not gone yet
        self._failed_starts = FailedStarts()
        self._looks_again = 0.0
        self._no_room = ""
        self._changed = ""
        self._has_new_worker = False
        self.stopping = False
        self.stopped_by = ""

    def run(self, jobs: JobSource, progress: Progress) -> None:
        """Work until nothing is left to do, or until ``stopping`` is set and all jobs have stopped.

        Raises:
            SweepFailed: more failed than allowed, or workers do not start.
            ConfigError: the task does not return the objective, or a constrained metric.
            StoreError: the disk is full.
            StudyError: what the study depends on has changed meanwhile.
        """
        self._start_workers(jobs)
        self._dispatch(jobs, progress)
        try:
            while self._running or (jobs.n_open() and not self.stopping):
                self._record.check()
                if event := self._pool.next_event(LOOK_SECONDS):
                    self._handle(event, jobs, progress)
                self._look_around(event.at if event else time.monotonic(), jobs)
                self._dispatch(jobs, progress)
        finally:
            jobs.close()
        if self._no_room:
            remedy = "Free some space; the same command resumes the sweep."
            raise StoreError(f"{self._no_room}.\n{remedy}")
        if self._changed:
            raise StudyError(
                f"what the study is held to has changed while it ran ({self._changed}).\n"
                "What has ended since then does not count, and is tried again: put back what was "
                "there, and the same command resumes the sweep."
            )
        if failure := jobs.failure():
            raise failure

    @property
    def jobs(self) -> Mapping[int, Job]:
        """The running jobs, by worker."""
        return self._running

    @property
    def n_jobs(self) -> int | None:
        """How many workers; None for as many as the pool has room for."""
        return self._n_jobs

    @property
    def room(self) -> int:
        """How many workers the pool has room for."""
        return self._pool.room()

    def set_n_jobs(self, n_jobs: int) -> None:
        """Change the number of workers; a worker too many ends after its job."""
        self._n_jobs = n_jobs
        self._pool.resize(n_jobs)

    def stop(self, by: str) -> None:
        """Stop all jobs at their next report, and start no more."""
        self.stopping, self.stopped_by = True, by

    def abandon(self) -> None:
        """Close the runs of jobs whose workers were ended with the sweep."""
        for job in self._running.values():
            self._close_interrupted(job)
        self._running.clear()

    def _start_workers(self, jobs: JobSource) -> None:
        """Start as many workers as there is work for. On an elastic pool, one more than there is
        room for waits for a place, so that a cluster that can grow does."""
        most = self._pool.room() + 1 if self._n_jobs is None else self._n_jobs
        now = time.monotonic()
        for worker in range(min(most, len(self._running) + jobs.n_open())):
            if self._failed_starts.may_start(worker, now):
                self._pool.start(worker)

    def _dispatch(self, jobs: JobSource, progress: Progress) -> None:
        """Hand jobs to idle workers, unless a new worker has imported other source; end the idle
        workers that are too many."""
        if self._has_new_worker and (changed := jobs.source_changed()):
            self._changed, self.stopping = changed, True
        self._has_new_worker = False
        for worker in [worker for worker in self._idle if not self._is_wanted(worker)]:
            self._idle.remove(worker)
            self._pool.end(worker, "is one too many")
        while self._idle and not self.stopping and jobs.n_open():
            worker = self._idle[0]
            if job := jobs.next(worker):
                self._idle.popleft()
                self._running[worker] = job
                self._pool.send(worker, job.assignment)
                progress.started(worker, job.label)

    def _is_wanted(self, worker: int) -> bool:
        return self._n_jobs is None or worker < self._n_jobs

    # -- what workers say --------------------------------------------------------------------

    def _handle(self, event: Event, jobs: JobSource, progress: Progress) -> None:
        job = self._running.get(event.worker)
        if job:
            job.heard_at = time.monotonic()
        match event.message:
            case Ready(remarks):
                self._ready.add(event.worker)
                self._has_new_worker = True
                self._idle.append(event.worker)
                for remark in remarks:
                    if remark not in self._remarks:  # each worker says the same
                        self._remarks.add(remark)
                        progress.remark(remark)
            case WorkerExited(cause):
                self._reap(event.worker, cause, jobs)
            case Outcome() as outcome if job:
                del self._running[event.worker]
                if not outcome.is_last and event.worker not in self._ended:
                    self._idle.append(event.worker)
                self._end(event.worker, job, outcome, jobs)
            case Reported() as report if job:
                job.reported.update(report.metrics)
                prune, value = jobs.judge(job, report)
                self._answer(event.worker, prune)
                self._record.metrics(job.run_id, report.step, report.metrics)
                job.step, job.value = report.step, value
                jobs.reported(event.worker, job, report, value)
            case Expected(steps) if job:
                job.steps = steps
                progress.expects(event.worker, steps)
            case Composed() as composed if job:
                self._failed_starts.begun(event.worker)
                self._begin(job, composed)
            case Told(method, arguments) if job:
                getattr(RunListener(self._record, job.run_id), method)(*arguments)

    def _answer(self, worker: int, prune: bool) -> None:
        """Answer a report, before anything is recorded, since the worker waits."""
        go_on = ReportReply.INTERRUPT if self.stopping else ReportReply.CONTINUE
        self._pool.send(worker, ReportReply.PRUNE if prune else go_on)

    def _begin(self, job: Job, composed: Composed) -> None:
        """Note that a job's task has been called, and record its configuration."""
        job.begun, job.composed = True, composed
        places = tuple(f"{place}." for place in self._places)
        params = {k: v for k, v in composed.params.items() if not f"{k}.".startswith(places)}
        describe(
            self._record,
            job.run_id,
            params,
            composed.config,
            composed.overrides,
            Environment.here(),
            composed.folder,
            composed.groups,
            schema.placed(composed.node, composed.devices),
        )

    def _end(self, worker: int, job: Job, outcome: Outcome, jobs: JobSource) -> None:
        if outcome.ends_sweep:
            self._no_room = self._no_room or outcome.error
            self.stopping = True
        if outcome.state is State.INTERRUPTED and (self.stopping or not outcome.error):
            self._close_interrupted(job)
            jobs.put_back(worker, job)
        elif outcome.state is State.INTERRUPTED:
            job.begun = True  # the attempt counts, however far it came
            jobs.lose(worker, job, outcome.error)
        elif changed := self._changed or jobs.changed(job):
            self._changed, self.stopping = changed, True
            self._close_interrupted(job)
            jobs.put_back(worker, job, "what it depends on has changed")
        else:
            jobs.end(worker, job, outcome)
        self.stopping = self.stopping or jobs.failure() is not None

    def _close_interrupted(self, job: Job) -> None:
        self._record.kill(job.run_id, {schema.STATE: State.INTERRUPTED.value})

    # -- what goes wrong ---------------------------------------------------------------------

    def _look_around(self, now: float, jobs: JobSource) -> None:
        """Do the checks that no event triggers, now and then."""
        if now < self._looks_again:
            return
        self._looks_again = now + LOOK_SECONDS
        self._end_the_overdue(now)
        is_changed = self._steer(self, jobs)
        has_more = jobs.n_open() > len(self._idle)  # an exited worker may not have been replaced
        if (is_changed or has_more or self._n_jobs is None) and not self.stopping:
            self._start_workers(jobs)

    def _end_the_overdue(self, now: float) -> None:
        """End workers whose job takes too long, or that seem to hang; what they sent still counts.

        ``now`` is the time up to which all messages have been handled: a worker is not silent
        while one of its messages waits for the supervisor.

        A job that took too long would do so again, so it fails. A job whose worker was silent is
        lost, as if the worker had died, and is tried again.
        """
        for worker, job in self._running.items():
            job.overdue = self._timeouts.too_long(job, now)
            cause = job.overdue or self._timeouts.too_quiet(job, now)
            if cause:
                self._ended.add(worker)
                self._pool.end(worker, cause)

    def _reap(self, worker: int, cause: str, jobs: JobSource) -> None:
        """Settle the job of a worker that has exited; start another if there is work."""
        if worker in self._idle:
            self._idle.remove(worker)
        job = self._running.pop(worker, None)
        if job and job.overdue:
            seconds = time.monotonic() - job.assigned_at
            jobs.end(worker, job, Outcome(State.FAILED, {}, seconds, f"it {job.overdue}"))
        elif job:
            job.begun = job.begun or worker in self._ended  # silence counts, however far it came
            jobs.lose(worker, job, f"its worker {cause}")
        if job:
            self.stopping = self.stopping or jobs.failure() is not None
        if worker not in self._ready or (job and not job.begun):
            self._count_failed_start(worker, cause, jobs)
        self._ready.discard(worker)
        self._ended.discard(worker)
        may_start = self._failed_starts.may_start(worker, time.monotonic())
        if may_start and not self.stopping and jobs.n_open() and self._is_wanted(worker):
            self._pool.start(worker)

    def _count_failed_start(self, worker: int, cause: str, jobs: JobSource) -> None:
        why, log = f"worker {worker} does not start: it {cause}", jobs.log_of(worker)
        if not any(job.begun for job in self._running.values()):
            n_workers = max(1, self._n_jobs or self._pool.room())
            self._failed_starts.failed_without_tasks(n_workers, f"{why}; see {log}")
        elif self._failed_starts.failed(worker, time.monotonic()):
            jobs.remark(f"{why}; the others go on, and it is tried again later; see {log}")
