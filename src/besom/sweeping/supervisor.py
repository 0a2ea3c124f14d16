"""The supervisor: the only writer. It proposes, assigns, listens, and keeps both records."""

import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from besom.errors import SweepFailed
from besom.sweeping.naming import role_of, run_name, run_tags
from besom.sweeping.plan import Plan
from besom.sweeping.pool import Pool
from besom.sweeping.progress import Progress
from besom.sweeping.protocol import (
    Assignment,
    Composed,
    Died,
    Event,
    Expected,
    FromWorker,
    Outcome,
    Ready,
    Reported,
    State,
    Verdict,
)
from besom.sweeping.repeats import Repeats
from besom.sweeping.scribe import Noted, write_down
from besom.sweeping.study import Study, TrialRow
from besom.tracking.environment import Environment
from besom.tracking.record import Record

POLL_SECONDS = 0.2
# So many workers in a row that die before they are ready mean that none ever will be.
MAX_STILLBIRTHS = 3

_RUN_STATUS = {
    State.COMPLETE: "FINISHED",
    State.PRUNED: "FINISHED",
    State.FAILED: "FAILED",
}


@dataclass
class Flight:
    """An attempt at a trial, on its way in a worker, which has ``begun`` once it says so."""

    row: TrialRow
    attempt: int
    run_id: str
    begun: bool = False


class Supervisor:
    """Drives one sweep from its first free worker to its last finished trial."""

    def __init__(
        self,
        plan: Plan,
        study: Study,
        record: Record,
        pool: Pool,
        progress: Progress,
        parent_run: str,
        unfinished: list[TrialRow],
    ) -> None:
        self._plan = plan
        self._study = study
        self._record = record
        self._pool = pool
        self._progress = progress
        self._parent_run = parent_run
        self._ready: set[int] = set()
        self._idle: deque[int] = deque()
        self._flights: dict[int, Flight] = {}
        self._again: deque[TrialRow] = deque(unfinished)
        rows = study.rows()
        self._repeats = Repeats(rows)
        self._n_proposed = len(rows)
        self._n_failed = 0  # of this process: a resume is there to do better
        self._stillbirths = 0
        self._deadline = _deadline(plan.options.timeout)
        self.stopping = False

    def run(self) -> None:
        """Sweep until nothing is left to do, or until ``stopping`` and all trials have stopped.

        Raises:
            SweepFailed: more trials failed than allowed, or workers do not start.
        """
        for worker in range(min(self._plan.options.n_jobs, self._n_open())):
            self._pool.start(worker)
        while self._flights or (self._n_open() and not self.stopping):
            self._record.check()
            if event := self._pool.next_event(POLL_SECONDS):
                self._handle(event)
            self._dispatch()
        if self._too_many_failed():
            raise SweepFailed(self._why_failed())

    # -- work for whoever is free ----------------------------------------------------------

    def _n_open(self) -> int:
        """Trials that are still to be started."""
        if self._past_deadline():
            return 0
        fresh = 0 if self._study.exhausted else self._plan.options.n_trials - self._n_proposed
        return len(self._again) + max(0, fresh)

    def _past_deadline(self) -> bool:
        return self._deadline is not None and time.monotonic() > self._deadline

    def _dispatch(self) -> None:
        while self._idle and not self.stopping and self._n_open():
            row = self._next()
            if not self._is_repeat(row):
                self._begin(self._idle.popleft(), row)

    def _next(self) -> TrialRow:
        """A trial that is to be tried again, or a fresh proposal, asked for to the end."""
        again = self._again.popleft() if self._again else None
        if again and "role" in again.notes:
            return again
        if again is None:
            self._n_proposed += 1
        # The role is noted last: a trial without one was cut short while it was asked for.
        unasked = again.number if again else None
        with self._study.together():
            row = self._study.ask(self._plan.space.distributions, self._plan.suggest, unasked)
            self._study.note(row.number, role=role_of(row, self._plan.baseline_params))
        return self._study.row(row.number)

    def _is_repeat(self, row: TrialRow) -> bool:
        """Whether an equal configuration has been trained, or is just being trained.

        Then this one takes over its value, now or when it is known.
        """
        if self._plan.options.duplicates == "rerun":
            return False
        if twin := self._repeats.twin(row):
            self._reuse(row, twin)
            return True
        return self._repeats.wait(row)

    def _begin(self, worker: int, row: TrialRow) -> None:
        """Commit in this order: run, its id on the trial, training. See reconcile.py."""
        attempt = row.notes.get("attempt", 0) + 1
        run_id = self._open_run(row, attempt)
        self._flights[worker] = Flight(row, attempt, run_id)
        self._repeats.began(row)
        overrides = self._plan.space.propose(row.params)
        self._pool.send(worker, Assignment(row.number, attempt, overrides))
        self._progress.started(worker, row)

    def _open_run(self, row: TrialRow, attempt: int) -> str:
        tags = run_tags(self._study.name, row, attempt) | dict(Environment.here().tags)
        name = run_name(self._study.name, row)
        run_id = self._record.start_run(name, tags, self._parent_run)
        self._study.note(row.number, attempt=attempt, run_id=run_id)
        return run_id

    def _reuse(self, row: TrialRow, twin: TrialRow) -> None:
        """End a proposal that repeats a finished configuration with that one's value."""
        run_id = self._open_run(row, attempt=1)
        self._record.reuse(run_id, twin.notes["run_id"])
        notes = {"reused": twin.number}
        row = self._conclude(run_id, row.number, State.COMPLETE, twin.values, notes)
        self._progress.finished(None, row)

    # -- what workers say --------------------------------------------------------------------

    def _handle(self, event: Event) -> None:
        flight = self._flights.get(event.worker)
        match event.message:
            case Ready():
                self._ready.add(event.worker)
                self._idle.append(event.worker)
            case Died(cause):
                self._bury(event.worker, cause)
            case Outcome() as outcome if flight:
                del self._flights[event.worker]
                self._repeats.stopped(flight.row)
                self._idle.append(event.worker)
                self._land(event.worker, flight, outcome)
            case Reported() as report if flight:
                self._judge(event.worker, flight, report)
            case message if flight:
                self._keep(event.worker, flight, message)

    def _keep(self, worker: int, flight: Flight, message: FromWorker) -> None:
        """What needs no answer."""
        match message:
            case Expected(steps):
                self._progress.expects(worker, steps)
            case Composed():
                flight.begun = True
                self._stillbirths = 0
        if isinstance(message, Noted):
            write_down(self._record, flight.run_id, message, self._plan.hooks.places)

    def _judge(self, worker: int, flight: Flight, report: Reported) -> None:
        """Answer first, since the worker waits; then record."""
        value = self._plan.objective.intermediate(report.metrics)
        number = flight.row.number
        if value is not None and self._study.report(number, report.step, value):
            verdict = Verdict.PRUNE
        else:
            verdict = Verdict.INTERRUPT if self.stopping else Verdict.CONTINUE
        self._pool.send(worker, verdict)
        self._record.metrics(flight.run_id, report.step, report.metrics)
        self._progress.reported(worker, report.step, value)

    def _land(self, worker: int, flight: Flight, outcome: Outcome) -> None:
        """An attempt has ended in a state that its worker could name."""
        if outcome.returned:
            self._record.log(flight.run_id, outcome.returned)
        if outcome.state is State.INTERRUPTED:
            self._record.kill(flight.run_id, {"besom.state": State.INTERRUPTED.value})
            self._again.append(self._study.row(flight.row.number))
            self._progress.interrupted(worker, flight.row)
            return
        state, error = outcome.state, outcome.error
        values: tuple[float, ...] = ()
        if state is State.COMPLETE:
            try:
                values = self._plan.objective.values(outcome.returned)
            except ValueError as refusal:
                state, error = State.FAILED, str(refusal)
        notes: dict[str, Any] = {"seconds": round(outcome.seconds, 3)}
        if error:
            notes |= {"error": error, "traceback": outcome.traceback or error}
            self._record.text(flight.run_id, "traceback.txt", notes["traceback"])
        row = self._conclude(flight.run_id, flight.row.number, state, values, notes)
        self._progress.finished(worker, row)

    def _conclude(
        self,
        run_id: str,
        number: int,
        state: State,
        values: tuple[float, ...],
        notes: Mapping[str, Any],
    ) -> TrialRow:
        """Commit an ended trial: the run's last words on disk, then ``tell``, then close it."""
        tags = {"besom.state": state.value}
        if "error" in notes:
            tags["besom.error"] = notes["error"]
        outcome = {
            "trial": number,
            "state": state.value,
            "values": values,
            "notes": notes,
            "reports": list(self._study.reports(number).items()),
        }
        self._record.finish(run_id, _RUN_STATUS[state], tags, outcome)
        self._study.tell(number, state, values, notes)
        self._record.confirm(run_id)
        row = self._study.row(number)
        self._repeats.learn(row)
        self._again.extend(self._repeats.release(row))
        if state is State.FAILED:
            self._n_failed += 1
            self.stopping = self.stopping or self._too_many_failed()
        return row

    # -- what goes wrong ---------------------------------------------------------------------

    def _bury(self, worker: int, cause: str) -> None:
        """A worker has died: its attempt is lost, its trial is tried again, up to a limit."""
        if worker in self._idle:
            self._idle.remove(worker)
        if flight := self._flights.pop(worker, None):
            self._repeats.stopped(flight.row)
        stillborn = worker not in self._ready or (flight is not None and not flight.begun)
        self._ready.discard(worker)
        if flight:
            self._lose(worker, flight, f"its worker {cause}")
        if stillborn:
            self._count_stillbirth(worker, cause)
        if not self.stopping and self._n_open():
            self._pool.start(worker)

    def _count_stillbirth(self, worker: int, cause: str) -> None:
        self._stillbirths += 1
        if self._stillbirths >= MAX_STILLBIRTHS:
            raise SweepFailed(f"worker {worker} does not start: it {cause}; see its log.")

    def _lose(self, worker: int, flight: Flight, cause: str) -> None:
        number = flight.row.number
        # Whoever dies before the trial has begun does not die of it.
        deaths = flight.row.notes.get("deaths", 0) + flight.begun
        if deaths >= self._plan.options.max_attempts:
            notes = {"deaths": deaths, "error": f"{cause}, in each of {deaths} attempts"}
            row = self._conclude(flight.run_id, number, State.FAILED, (), notes)
            self._progress.finished(worker, row)
            return
        self._study.note(number, deaths=deaths)
        self._record.kill(flight.run_id, {"besom.state": "dead", "besom.error": cause})
        self._again.append(self._study.row(number))
        self._progress.lost(worker, flight.row, cause)

    def _too_many_failed(self) -> bool:
        options = self._plan.options
        return self._n_failed > options.max_failure_rate * options.n_trials

    def _why_failed(self) -> str:
        last = [row for row in self._study.rows() if row.state == "failed"][-1]
        options = self._plan.options
        return (
            f"{self._n_failed} of {options.n_trials} trials failed, more than "
            f"hydra.sweeper.max_failure_rate={options.max_failure_rate} allows. The last, trial "
            f"{last.number}: {last.notes.get('error', 'no reason known')}"
        )

    def abandon(self) -> None:
        """Close the runs of trials whose workers have been ended with the sweep."""
        for flight in self._flights.values():
            self._record.kill(flight.run_id, {"besom.state": State.INTERRUPTED.value})
        self._flights.clear()


def _deadline(timeout: float | None) -> float | None:
    return None if timeout is None else time.monotonic() + timeout
