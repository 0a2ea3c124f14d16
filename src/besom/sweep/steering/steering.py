"""The supervisor's side of steering: reads requests, applies each once, and answers it.

A request's id is noted with the study in the same transaction as its effect, if the database has
transactions (SQLite); elsewhere each effect is a single write, or may be repeated. The request's
file is removed after that. So if a supervisor is killed with a request that it has taken, the next
one applies it, or only answers it if it was applied already.
"""

import time
from collections.abc import Callable
from pathlib import Path

from besom.common.errors import StudyError, UserError
from besom.sweep.jobs import JobSource, Sweep
from besom.sweep.steering import changes
from besom.sweep.steering.requests import (
    ENQUEUE,
    SET,
    STOP,
    STOP_TRIAL,
    Answer,
    Request,
    forget_answers,
    settle,
    steering_folder,
    taken_requests,
)
from besom.sweep.steering.state import STATE_SECONDS, SupervisorState, write_state
from besom.sweep.supervisor import Supervisor

NOTED = "requests"
"""The study's fact with the results of the last requests, by id."""
MOST_NOTED = 50
"""Results that are kept; more requests are never under way at a time."""

_CHANGES: dict[str, Callable[[JobSource, Supervisor, Request], str]] = {
    STOP_TRIAL: changes.stop_trial,
    ENQUEUE: changes.enqueue,
    SET: changes.set_numbers,
}


class Steering:
    """Applies the requests of other terminals, and writes the sweep's progress for them.

    Args:
        state: the facts that do not change while the supervisor runs.
    """

    def __init__(self, sweep: Sweep, state: SupervisorState) -> None:
        self._sweep = sweep
        self._state = state
        self._folder = steering_folder(Path(sweep.plan.options.root), sweep.study.name)
        self._leaves_again = 0.0
        forget_answers(self._folder)

    def look(self, supervisor: Supervisor, jobs: JobSource) -> bool:
        """Apply the requests that have come; return whether any was. Called now and then."""
        has_changed = False
        for request in taken_requests(self._folder):
            answer = self._noted(request) or self._apply(request, supervisor, jobs)
            jobs.remark(f"besom {request.kind.split()[0]}: {answer.text}")
            settle(self._folder, request, answer)
            has_changed |= answer.is_applied
        if (now := time.monotonic()) >= self._leaves_again:
            self._leaves_again = now + STATE_SECONDS
            write_state(self._folder, self._state, self._sweep, supervisor, jobs)
        return has_changed

    def close(self) -> None:
        """Refuse the requests that have come too late."""
        for request in taken_requests(self._folder):
            late = Answer(False, "the sweep has ended meanwhile; nothing was changed")
            settle(self._folder, request, self._noted(request) or late)

    def _noted(self, request: Request) -> Answer | None:
        """Return the answer to a request that an earlier supervisor has applied."""
        text = dict(self._sweep.study.recall(NOTED) or ()).get(request.id)
        return None if text is None else Answer(True, text)

    def _apply(self, request: Request, supervisor: Supervisor, jobs: JobSource) -> Answer:
        try:
            if request.kind == STOP:
                return Answer(True, self._stop(request, supervisor))
            if supervisor.stopping:
                raise StudyError("the sweep is ending already; nothing was changed")
            return Answer(True, self._change(request, supervisor, jobs))
        except UserError as refusal:  # before anything was written
            return Answer(False, str(refusal))

    def _change(self, request: Request, supervisor: Supervisor, jobs: JobSource) -> str:
        study = self._sweep.study
        if request.kind not in _CHANGES:
            raise StudyError(f"this Besom knows no `{request.kind}`")
        with study.transaction():
            text = _CHANGES[request.kind](jobs, supervisor, request)
            noted = [*(study.recall(NOTED) or ()), (request.id, text)]
            study.remember(NOTED, noted[-MOST_NOTED:])
        return text

    def _stop(self, request: Request, supervisor: Supervisor) -> str:
        if request.to != self._state.holder:
            raise StudyError("the sweep that this was meant for has ended meanwhile")
        supervisor.stop("besom stop")
        n_running = len(supervisor.jobs)
        if not n_running:
            return "the sweep ends; its own command resumes it"
        what = "trial stops" if n_running == 1 else "trials stop"
        then = "the sweep ends; its own command resumes it"
        return f"{n_running} {what} at the next report, and {then}"
