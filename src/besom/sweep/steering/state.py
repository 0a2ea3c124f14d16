"""Writes a supervisor's progress file for other terminals, in the study's folder."""

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from besom.common.addresses import mask
from besom.common.files import make_private, replace_text
from besom.common.locks import supervisor_of
from besom.search.storage.database import lock_of, storage_of
from besom.sweep.jobs import Job, JobSource, Sweep
from besom.sweep.plan import Plan
from besom.sweep.steering.requests import steering_folder
from besom.sweep.steering.state_file import STATE_FILE
from besom.sweep.supervisor import Supervisor
from besom.sweep.trials import TrialJobs

STATE_SECONDS = 1.0
"""Seconds between two writes of the progress file."""


@dataclass(frozen=True)
class SupervisorState:
    """The facts that do not change while a supervisor runs.

    Attributes:
        holder: the name under which it holds the study's lock.
        facts: among them its lock, its database, the searched keys and the objective.
    """

    holder: str
    facts: Mapping[str, Any]


def begin_state(plan: Plan) -> SupervisorState:
    """Make the study's folder, and write and return what is known of its new supervisor."""
    options = plan.options
    folder, name = lock_of(options)
    holder = supervisor_of(folder, name)
    facts = {
        "holder": holder,
        "lock": [str(folder.absolute()), name],
        "storage": mask(storage_of(options)),
        "objective": plan.objective.label,
        "keys": list(plan.space.distributions),
        "counted": plan.counted.text,
        "constraints": plan.constraints.texts,
    }
    place = steering_folder(Path(options.root), options.study_name)
    make_private(place)
    replace_text(place / STATE_FILE, json.dumps({**facts, "n_trials": options.n_trials}))
    return SupervisorState(holder, facts)


def write_state(
    folder: Path, state: SupervisorState, sweep: Sweep, supervisor: Supervisor, jobs: JobSource
) -> None:
    """Write the progress of the sweep; a full disk does not end it here."""
    options = sweep.plan.options
    moment = {
        "n_trials": options.n_trials,
        "n_jobs": supervisor.n_jobs,
        "is_stopping": supervisor.stopping,
        "phase": "trials" if isinstance(jobs, TrialJobs) else "confirmation",
        "done": [jobs.count.n_done, jobs.count.n_all],
        "left": jobs.count.left(),
        "at": time.time(),
        "workers": {worker: _of_job(job) for worker, job in sorted(supervisor.jobs.items())},
    }
    with suppress(OSError):
        replace_text(folder / STATE_FILE, json.dumps({**state.facts, **moment}))


def _of_job(job: Job) -> dict[str, Any]:
    return {
        "trial": job.assignment.trial,
        "label": job.label,
        "step": job.step,
        "steps": job.steps,
        "value": job.value,
        "since": time.time() - (time.monotonic() - job.assigned_at),
    }
