"""Runs one attempt at a trial: composes its configuration, calls the task, reports the outcome."""

import os
import socket
import sys
import time
import traceback
from collections.abc import Iterable, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn, Protocol

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobStatus
from omegaconf import DictConfig

from besom import session
from besom.app.error_messages import HYDRA_ERRORS
from besom.app.hooks import as_typed, chosen_groups, of_task
from besom.app.job import JobRunner
from besom.app.resolvers import resolvers_of
from besom.common.addresses import mask
from besom.common.errors import Interrupted, Pruned, UserError, one_line
from besom.common.flatten import flatten, to_yaml
from besom.common.machine.devices import visible_devices
from besom.common.states import State
from besom.common.stdout import say
from besom.common.text import few, named, number, plain, shorten, shorten_middle, storable, unnamed
from besom.session import KerasModel
from besom.workers import disk_space
from besom.workers.messages import (
    Assignment,
    Composed,
    Expected,
    FromWorker,
    Outcome,
    Reported,
    ReportReply,
    Told,
)

LONGEST_TRACEBACK = 30_000
"""Characters: an exception may quote a whole file, and databases hold 64 KiB of text."""

# Errors before the task is called that are the trial's own fault.
OF_CONFIGURATION = (UserError, *HYDRA_ERRORS)

MOST_NUMBERS = 10_000
"""Most numbers of a task. All are kept with the run; a list of predictions belongs in a file."""


class Pipe(Protocol):
    """The connection between an attempt and the supervisor."""

    def send(self, message: FromWorker) -> None: ...

    def receive(self) -> Any:
        """Wait for the supervisor's next message."""
        ...


class PipeListener:
    """The task's listener: passes everything on, and turns replies into exceptions.

    Attributes:
        interrupted: whether the sweep has asked the task to stop.
    """

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self.interrupted = False

    def expect(self, steps: int) -> None:
        self._pipe.send(Expected(steps))

    def report(self, step: int, metrics: Mapping[str, float]) -> None:
        self._pipe.send(Reported(step, metrics))
        match self._pipe.receive():
            case ReportReply.PRUNE:
                raise Pruned(f"pruned after step {step}")
            case ReportReply.INTERRUPT:
                self.interrupted = True
                raise Interrupted(f"interrupted after step {step}")

    def log(self, values: Mapping[str, float | str]) -> None:
        self._pipe.send(Told("log", (values,)))

    def save(self, path: Path) -> None:
        self._pipe.send(Told("save", (path,)))

    def save_model(self, model: KerasModel) -> None:
        self._pipe.send(Told("save_model", (model,)))

    def table(self, name: str, rows: Sequence[Mapping[str, float | str]]) -> None:
        self._pipe.send(Told("table", (name, rows)))

    def log_dataset(self, dataset: session.LoggedDataset) -> None:
        self._pipe.send(Told("log_dataset", (dataset,)))


def run_trial(app: JobRunner, assignment: Assignment, pipe: Pipe, is_used: bool) -> Outcome:
    """Compose the configuration, run the task, and return how it ended.

    Args:
        is_used: whether this process has run other trials. They may be the cause of an error before
            the task is called; it is then raised and ends this process; another runs the trial.
    """
    started, process = time.perf_counter(), os.getpid()
    listener, is_called = PipeListener(pipe), False

    def before(config: DictConfig) -> None:
        nonlocal is_called
        pipe.send(_composed(config))
        is_called = True

    try:
        config = app.compose(assignment.overrides, assignment.trial, assignment.folder)
        with session.listening(listener):
            job = app.run(config, before)
        if job.status is JobStatus.FAILED:
            raise job._return_value  # the property would also write to standard error
        numbers, left_out = as_numbers(job.return_value)
        outcome = Outcome(State.COMPLETE, numbers, 0.0, left_out=left_out)
    except Pruned:
        outcome = Outcome(State.PRUNED, {}, 0.0)
    except Interrupted:
        error = "" if listener.interrupted else "its task raised besom.Interrupted by itself"
        outcome = Outcome(State.INTERRUPTED, {}, 0.0, error=error)
    except BaseException as error:  # SystemExit and KeyboardInterrupt of a task fail it too
        if disk_space.is_lacking(error):
            outcome = _without_room(error, Path(app.master.hydra.sweeper.root))
        elif is_used and not is_called and not isinstance(error, OF_CONFIGURATION):
            raise
        else:
            outcome = _failed(error)
    if os.getpid() != process:
        _end_forked(outcome)
    if outcome.left_out:
        with suppress(ValueError):  # the task has closed it
            say(
                f"besom: left out of what the task returned, as no numbers: {few(outcome.left_out)}"
            )
    return replace(outcome, seconds=time.perf_counter() - started)


def _end_forked(outcome: Outcome) -> NoReturn:
    """End a process that the task has forked and that has reached the task's end as well.

    The trial and the pipe belong to its parent.
    """
    print(outcome.traceback or outcome.error, file=sys.stderr, flush=True)
    os._exit(outcome.state is not State.COMPLETE)


def _without_room(error: BaseException, root: Path) -> Outcome:
    """Return an interrupted attempt that counts; if the record has no room, it ends the sweep."""
    file = disk_space.file_of(error)
    ends_sweep = disk_space.is_lacking_at(root, file)
    where = file or (root if ends_sweep else "a file that the error does not name")
    text = f"{where} cannot be written: {os.strerror(getattr(error, 'errno', 0))}"
    text = plain(mask(text)) if ends_sweep else f"its task stopped: {plain(mask(text))}"
    return Outcome(State.INTERRUPTED, {}, 0.0, error=text, ends_sweep=ends_sweep)


def _composed(config: DictConfig) -> Composed:
    """Return the task's configuration; call this in the job, where ``${hydra:…}`` is complete."""
    job = HydraConfig.get()
    return Composed(
        params=flatten(config),
        config=to_yaml(config),
        overrides=tuple(as_typed(job.overrides.task)),
        folder=Path(job.runtime.output_dir),
        groups=chosen_groups(job),
        resolvers=resolvers_of(config),
        node=socket.gethostname(),
        devices=tuple(map(str, visible_devices())),
    )


def _failed(error: BaseException) -> Outcome:
    if isinstance(error, UserError):
        return Outcome(State.FAILED, {}, 0.0, error=str(error))
    frames = mask(_traceback_of_task(error))
    frames = storable(shorten_middle(frames, LONGEST_TRACEBACK))
    return Outcome(State.FAILED, {}, 0.0, error=one_line(error), traceback=frames)


def _traceback_of_task(error: BaseException) -> str:
    """Return the traceback from the task's first frame on: those before it explain nothing."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_name != "run_job":
        frames = frames.tb_next
    first = of_task(frames.tb_next) if frames is not None else error.__traceback__
    return "".join(traceback.format_exception(type(error), error, first))


def as_numbers(returned: Any) -> tuple[dict[str, float], dict[str, str]]:
    """Return a task's numbers by name, and the other values of a mapping as text.

    Numbers without names get those of :func:`unnamed`; None gives no numbers. The other values are
    left out rather than refused, because one of the numbers may still be the objective.

    Raises:
        UserError: it is neither a number, nor several, nor a mapping of names that has numbers.
    """
    if returned is None:
        return {}, {}
    by_name = _by_name(returned)
    if len(by_name) > MOST_NUMBERS:
        raise UserError(
            f"the task returned more than {MOST_NUMBERS:,} numbers; it must return those that are "
            "judged, and may keep others in a file with besom.save"
        )
    numbers, others, reason = dict[str, float](), dict[str, str](), ""
    for name, value in by_name.items():
        try:
            numbers[name] = number(name, value)
        except (TypeError, ValueError) as refusal:
            others[name] = _shown(value)
            reason = reason or f" ({refusal})"
    if not numbers or (others and not isinstance(returned, Mapping)):
        raise UserError(
            f"the task returned {_shown(returned)}{shorten(reason, 100)}; "
            "it must return a number, a list of numbers, or a mapping of names to numbers"
        )
    return numbers, others


def _by_name(returned: Any) -> dict[str, Any]:
    """Return the values by name, but at most one more than are allowed."""
    if isinstance(returned, Mapping):
        first = islice(returned.items(), MOST_NUMBERS + 1)
        return named((storable(str(name)), value) for name, value in first)
    # An array without dimensions claims to be iterable, but is not.
    is_one = getattr(returned, "ndim", None) == 0 or isinstance(returned, str | bytes | Set)
    if is_one or not isinstance(returned, Iterable):
        return {"objective": returned}
    several = list(islice(returned, MOST_NUMBERS + 1))
    return dict(zip(unnamed(len(several)), several, strict=True))


def _shown(returned: Any) -> str:
    try:
        return storable(" ".join(repr(returned).split()))[:80]
    except Exception:  # an integer of too many digits, or a bug of the object's own
        return f"an object of type {type(returned).__name__}"
