"""Makes a Hydra task function record its runs: one call, one MLflow run."""

import functools
import re
import signal
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from besom import session
from besom.app.hooks import Task, as_typed, chosen_groups, hooked, hooks_of, of_task
from besom.app.redaction import mask_job_files, redacted_logs
from besom.app.source import named_by, source_of
from besom.common.flatten import flatten, to_yaml
from besom.common.machine.devices import visible_devices
from besom.common.states import State
from besom.common.terminal.commands import besom_command, command_lines, record_flags
from besom.common.terminal.steps import ShownSteps
from besom.common.text import duration
from besom.tracking import schema
from besom.tracking.address import check_written
from besom.tracking.environment import Environment
from besom.tracking.listener import RunListener, describe, parameters
from besom.tracking.record import Record, connect
from besom.tracking.schema import RunStatus

ROLE = {schema.ROLE: schema.Role.TRAIN}


@dataclass(frozen=True)
class RecordedRun:
    """A call of a tracked task that has completed.

    Attributes:
        overrides: the overrides of its command line.
        numbers: the numbers that it returned, by name.
        record_flags: the flags with which commands find the record, each after a space.
    """

    run_id: str
    overrides: Sequence[str]
    numbers: Mapping[str, float]
    seconds: float
    record_flags: str = ""


_collected: ContextVar[list[RecordedRun] | None] = ContextVar("recorded_runs", default=None)


@contextmanager
def collected() -> Iterator[list[RecordedRun]]:
    """Yield a list of the runs that complete inside this block, in this process."""
    runs: list[RecordedRun] = []
    token = _collected.set(runs)
    try:
        yield runs
    finally:
        _collected.reset(token)


def tracked(task: Task) -> Task:
    """Decorate a Hydra task function, below ``@hydra.main``, so that each call is recorded.

    Reads ``config.tracking``: ``root``, ``uri``, ``experiment``. Where there is already a listener,
    as in a sweep's worker, the task is called without a second record.
    """
    hooks = hooks_of(task)

    @hooked(replace(hooks, check=functools.partial(_check, hooks.check)))
    @functools.wraps(task)
    def call(config: DictConfig) -> Any:
        __tracebackhide__ = True
        return task(config) if session.is_recorded() else _record(task, config)

    return call


def _check(check_task: Callable[[DictConfig], None], config: DictConfig) -> None:
    """Check, before a folder is made, the task's configuration and the address of the record."""
    check_task(config)
    uri = OmegaConf.select(config, "tracking.uri")
    if uri is not None:
        check_written(uri)


def _record(task: Task, config: DictConfig) -> Any:
    __tracebackhide__ = True
    mask_job_files()
    with redacted_logs():
        return _recorded(task, config)


def _recorded(task: Task, config: DictConfig) -> Any:
    __tracebackhide__ = True
    hooks = hooks_of(task)
    hooks.check(config)
    hooks.check_data(config)
    if not _collected.get() and (said := hooks.describe(config)):  # in a multirun only once
        print(f"data: {said}", flush=True)
    root = _root(config)
    with connect(root, config.tracking.uri, config.tracking.experiment) as record:
        _kill_left_runs(record)
        run_id = _open(record, task, config)
        started = time.monotonic()
        with _closing(record, run_id), ShownSteps(hooks.step) as shown:
            with session.listening(RunListener(record, run_id, shown)):
                returned = task(config)
            numbers = _numbers(returned)
            record.log(run_id, numbers)
    seconds, words = time.monotonic() - started, as_typed(HydraConfig.get().overrides.task)
    flags = record_flags(config.tracking.root, config.tracking.uri)
    _tell(RecordedRun(run_id, words, numbers, seconds, flags))
    return returned


def _root(config: DictConfig) -> Path:
    """Return the root relative to the folder of the command, also where Hydra has changed it."""
    return Path(HydraConfig.get().runtime.cwd, config.tracking.root)


def _kill_left_runs(record: Record) -> None:
    """Close runs of killed processes, which would be shown as running for ever."""
    for left in record.pending(ROLE):
        record.kill(left.run_id, {schema.ERROR: "its process was killed"}, left.last_at)


def _open(record: Record, task: Task, config: DictConfig) -> str:
    job = HydraConfig.get()
    overrides = as_typed(job.overrides.task)
    environment = Environment.of(Path(job.runtime.cwd))
    tags = ROLE | environment.tags | {schema.CODE: source_of(task, named_by(flatten(config))).text}
    run_id = record.start_run(_name(overrides), tags)
    text, folder = to_yaml(config), Path(job.runtime.output_dir)
    params, groups = parameters(config), chosen_groups(job)
    placed = schema.placed(socket.gethostname(), map(str, visible_devices()))
    describe(record, run_id, params, text, overrides, environment, folder, groups, placed)
    return run_id


def _name(overrides: list[str]) -> str:
    """Return a run's name: ``train units=64 max_length=200``, or ``train baseline``."""
    shown = [_short(override) for override in overrides if not override.startswith("tracking.")]
    return f"{HydraConfig.get().job.name} {' '.join(shown) or 'baseline'}"


def _short(override: str) -> str:
    key, equals, value = override.partition("=")
    name = re.search(r"[^.]*(?:\.\d+)*$", key.lstrip("+~"))
    return f"{name[0] if name else key}{equals}{value}"


@contextmanager
def _closing(record: Record, run_id: str) -> Iterator[None]:
    """Close the run when the block ends, as FINISHED, FAILED or KILLED."""
    status = RunStatus.FINISHED
    tags: dict[str, str] = {schema.STATE: State.COMPLETE}
    try:
        with _terminable():
            yield
    except (KeyboardInterrupt, SystemExit) as stop:
        status = RunStatus.KILLED
        tags = {schema.STATE: State.INTERRUPTED, schema.ERROR: repr(stop)}
        raise
    except BaseException as error:
        status = RunStatus.FAILED
        tags = {schema.STATE: State.FAILED, schema.ERROR: _last_line(error)}
        record.text(run_id, schema.TRACEBACK_FILE, _traceback(error))
        raise
    finally:
        record.prepare_end(run_id, status, tags, {})
        record.end_run(run_id)


@contextmanager
def _terminable() -> Iterator[None]:
    """Turn SIGTERM into an exception of the task, so that its run is closed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _traceback(error: BaseException) -> str:
    """Return the traceback from the task on, without the frames of this file."""
    frames = error.__traceback__
    while frames and frames.tb_frame.f_code.co_filename == __file__:
        frames = frames.tb_next
    return "".join(traceback.format_exception(type(error), error, of_task(frames) or frames))


def _last_line(error: BaseException) -> str:
    return traceback.format_exception_only(error)[-1].strip()


def _numbers(returned: Any) -> dict[str, float]:
    if not isinstance(returned, Mapping):
        return {}
    return {
        str(name): float(value)
        for name, value in returned.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


def _tell(run: RecordedRun) -> None:
    """Print a run's numbers, id and duration, and for a single run the commands to look at it.

    The numbers of a multirun are left out where its runs are collected: a table follows.
    """
    collected, is_single = _collected.get(), HydraConfig.get().mode is not RunMode.MULTIRUN
    if collected is not None:
        collected.append(run)
    numbers = run.numbers if is_single or collected is None else {}
    lines = {name: f"{value:.4g}" for name, value in numbers.items()}
    lines["run"] = f"{run.run_id}, {duration(run.seconds)}"
    width = max(map(len, lines))
    print("\n".join(f"{name:<{width}}  {text}" for name, text in lines.items()))
    if is_single:
        commands = {
            besom_command("compare", run.run_id, flags=run.record_flags): "its numbers",
            besom_command("ui", flags=run.record_flags): "all runs in MLflow",
        }
        print("\n".join(["", *command_lines(commands)]))
