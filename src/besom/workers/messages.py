"""The messages between supervisor and workers: plain dataclasses, pickled through a pipe."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from besom.common.states import State


class ReportReply(Enum):
    """The supervisor's answer to a report."""

    CONTINUE = "continue"
    PRUNE = "prune"
    INTERRUPT = "interrupt"


@dataclass(frozen=True)
class Assignment:
    """Supervisor to worker: run this trial with these Hydra overrides.

    ``folder`` names its job folder, if that is not the trial's.
    """

    trial: int
    attempt: int
    overrides: tuple[str, ...]
    folder: str | None = None

    @property
    def title(self) -> str:
        """The line that the worker prints to its log before the job."""
        folder = f", {self.folder}" if self.folder else ""
        return f"=== besom: trial {self.trial}, attempt {self.attempt}{folder} ==="


TITLE = re.compile(r"=== besom: trial (\d+), attempt (\d+)(?:, (\S+))? ===")
"""The title of an assignment, a whole line: the trial, the attempt, and the folder if named."""


@dataclass(frozen=True)
class Exit:
    """Pool to worker: exit as Python does, with its ``atexit`` functions."""


@dataclass(frozen=True)
class Ready:
    """Worker to supervisor: the worker is ready for a job.

    Attributes:
        remarks: sentences about parts of the program's state that this worker does not have.
    """

    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Composed:
    """The composed configuration, and where the task runs; sent before the task starts.

    Attributes:
        groups: the option of each config group.
        resolvers: those that computed values, see :func:`besom.app.resolvers.resolvers_of`.
        node: the name of the worker's machine.
        devices: the GPUs that the worker sees, ``GPU 1: NVIDIA H100 80GB HBM3``; empty if none.
    """

    params: Mapping[str, object]
    config: str
    overrides: tuple[str, ...]
    folder: Path
    groups: Mapping[str, str] = field(default_factory=dict)
    resolvers: Mapping[str, frozenset[str]] = field(default_factory=dict)
    node: str = ""
    devices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Expected:
    """The number of reports that will come."""

    steps: int


@dataclass(frozen=True)
class Reported:
    """Metrics after a step; the worker waits for a :class:`ReportReply`."""

    step: int
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class Told:
    """A call of the run's listener by the task that needs no answer.

    Attributes:
        method: a method of :class:`besom.session.Listener`, one of ``TOLD``.
    """

    method: str
    arguments: tuple[Any, ...]


TOLD = ("log", "log_dataset", "save", "save_model", "table")


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended.

    Attributes:
        returned: the task's numbers by name; plain numbers are called ``objective``,
            ``objective_1``, ….
        left_out: what else it returned by name, as text.
        error: one line: why it failed, or why it was interrupted if the sweep did not ask for that.
        ends_sweep: whether the error is that the record has no room.
        traceback: the task's own frames, if it failed.
        seconds: from assignment to end, in the worker.
        memory: bytes that the worker occupies afterwards.
        is_last: whether the worker takes no further job, and exits.
        overwritten: files, see :class:`besom.workers.overwritten.OverwrittenFiles`.
        remark: a sentence of the pool's about them, for the user.
    """

    state: State
    returned: Mapping[str, float]
    seconds: float
    error: str = ""
    traceback: str = ""
    memory: int = 0
    ends_sweep: bool = False
    is_last: bool = False
    left_out: Mapping[str, str] = field(default_factory=dict)
    overwritten: frozenset[str] = frozenset()
    remark: str = ""


@dataclass(frozen=True)
class Sending:
    """From the pool: files are coming from another machine, before the message that names them."""


@dataclass(frozen=True)
class WorkerExited:
    """From the pool, not the worker: the process is gone."""

    cause: str


FromWorker = Ready | Composed | Expected | Reported | Told | Outcome | Sending | WorkerExited
ToWorker = Assignment | ReportReply


LONGEST = 1 << 27
"""Most bytes of a message. The first four bytes of any text, read as a length, exceed this."""


@dataclass(frozen=True)
class Event:
    """A message of a worker, or its exit, and when it came (``time.monotonic()``)."""

    worker: int
    message: FromWorker
    at: float = field(default_factory=time.monotonic)
