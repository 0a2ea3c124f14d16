"""Defines the hooks that a task function may declare for the sweep that runs it.

All hooks are optional; a plain Hydra task function works without any.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from hydra.conf import HydraConf
from omegaconf import DictConfig, OmegaConf, open_dict

from besom.common.errors import UserError

Task = Callable[[DictConfig], Any]
Returned = TypeVar("Returned")


@dataclass(frozen=True)
class Packaging:
    """What a trained model needs to be served without Besom.

    Attributes:
        code: a Python file that imports nothing of Besom. Its ``_load_pyfunc(folder)`` returns an
            object whose ``predict(table)`` takes one row for each answer and returns one for each.
        inputs: the columns of that table and their types, such as ``string`` and ``long``, or
            ``any``. Each may be missing.
        output: the type of an answer; if an answer is a row, its columns and their types.
        example: rows of such a table, to try the model with.
        requirements: the packages to install for the code.
        modules: the application's own files and package folders that the code imports.

    Examples:
        >>> packaging = besom.Packaging(
        ...     code=Path("reader.py"),
        ...     inputs={"text": "string"},
        ...     output="double",
        ...     example=[{"text": "a wonderful, moving film"}],
        ...     requirements=("keras", "tensorflow"),
        ... )
    """

    code: Path
    inputs: Mapping[str, str]
    output: str | Mapping[str, str]
    example: Sequence[Mapping[str, Any]]
    requirements: tuple[str, ...]
    modules: tuple[Path, ...] = ()


PackModel = Callable[[DictConfig, Path, Path], Packaging]
"""Takes a configuration, the model file of its run, and an empty folder that it fills."""


@dataclass(frozen=True)
class Hooks:
    """What a sweep can learn of a task before it runs the task.

    Attributes:
        check: refuses a configuration (raises :class:`besom.UserError`) for its keys and values.
            It is called before anything is printed or started, and should take no time.
        check_data: refuses a configuration by checks that take time, such as those of the data.
            It is called after ``check``, when a sweep has already printed what it will do.
        check_baseline: refuses the configuration that a sweep begins with, by checks that take
            seconds and need an attempt. It is called once in a sweep, before a worker is started.
        describe: returns what was found, such as the data, in a line of at most 67 columns; empty
            where there is nothing to say. It is called after the data are checked.
        identity: returns what the result depends on beside the configuration, such as the data's
            digest. A sweep asks again for its baseline whenever a trial ends, so it should be
            quick. Where it has changed, that trial does not count, and the sweep ends.
        places: keys that say where things are, not what is computed. A study may be resumed with
            other values of these.
        steps: returns how many reports a configuration will make; 0 where that is not known.
        step: the name of one step where it is shown, such as ``epoch``.
        probe: overrides that make a short run of two reports, to estimate a sweep's cost.
        prepare: called in a worker before its first trial, while the sweep opens its stores, for
            imports that take seconds.
        packaging: given a run's configuration, its model file and an empty folder, fills the
            folder with what the saved model needs to be served; None where a model is registered
            as it was saved.

    Examples:
        >>> hooks = besom.Hooks(steps=lambda config: config.epochs, probe=("epochs=2",))
    """

    check: Callable[[DictConfig], None] = lambda config: None
    check_data: Callable[[DictConfig], None] = lambda config: None
    check_baseline: Callable[[DictConfig], None] = lambda config: None
    describe: Callable[[DictConfig], str] = lambda config: ""
    identity: Callable[[DictConfig], Mapping[str, str]] = lambda config: {}
    places: tuple[str, ...] = ("tracking",)
    steps: Callable[[DictConfig], int] = lambda config: 0
    step: str = "step"
    probe: tuple[str, ...] = ()
    prepare: Callable[[], None] = lambda: None
    packaging: PackModel | None = None


def hooked(hooks: Hooks) -> Callable[[Task], Task]:
    """Attach hooks to a task function; use it below ``@hydra.main``.

    Examples:
        >>> @besom.hooked(besom.Hooks(steps=lambda config: config.epochs))
        ... def main(config):
        ...     return config.x**2
    """

    def attach(task: Task) -> Task:
        task.__besom_hooks__ = hooks  # type: ignore[attr-defined]
        return task

    return attach


def hooks_of(task: Task) -> Hooks:
    """Return the hooks that a task function carries, or hooks that do nothing."""
    return getattr(task, "__besom_hooks__", Hooks())


def without_exits(hooks: Hooks) -> Hooks:
    """Return the same hooks, each raising a UserError where it calls ``sys.exit``.

    Otherwise such a hook would end a sweep without a message.
    """
    called = {field.name: getattr(hooks, field.name) for field in fields(hooks)}
    kept: dict[str, Any] = {
        name: partial(_call, name, hook) for name, hook in called.items() if callable(hook)
    }
    return replace(hooks, **kept)


def _call(name: str, hook: Callable[..., Any], *arguments: Any) -> Any:
    __tracebackhide__ = True
    try:
        return hook(*arguments)
    except SystemExit as error:
        raise UserError(
            f"the task's hook `{name}` has called sys.exit({error.code!r}); what it refuses, it "
            "refuses by besom.UserError"
        ) from error


def call_users_own(function: Callable[..., Returned], *arguments: Any) -> Returned:
    """Call a user's function on behalf of one of Besom's tasks.

    The traceback of an error in it is shown from the user's function on.
    """
    __tracebackhide__ = True
    return function(*arguments)


def of_task(trace: TracebackType | None) -> TracebackType | None:
    """Return the part of a traceback that explains what went wrong in the user's code.

    Left out at the front are functions that only pass a call on, and Besom's frames before them. As
    in pytest, such functions have a local variable ``__tracebackhide__``. Left out at the end are
    OmegaConf's own frames: its message names the key.
    """
    frames = [*entries(trace)]
    first = 0
    for number, frame in enumerate(frames):
        if "__tracebackhide__" in frame.tb_frame.f_locals:
            first = number + 1
        elif package_of(frame) != "besom":
            break
    while len(frames) > first + 1 and package_of(frames[-1]) == "omegaconf":
        frames.pop()
        frames[-1].tb_next = None
    return frames[first] if first < len(frames) else None


def entries(trace: TracebackType | None) -> Iterator[TracebackType]:
    """Yield the entries of a traceback, the outermost first."""
    while trace is not None:
        yield trace
        trace = trace.tb_next


def package_of(trace: TracebackType) -> str:
    """Return the package of the function that a traceback's entry is in."""
    return str(trace.tb_frame.f_globals.get("__name__", "")).partition(".")[0]


def task_config(config: DictConfig) -> DictConfig:
    """Return a composed configuration as the task sees it: typed, without the ``hydra`` node."""
    task = config.copy()
    with open_dict(task):
        task.pop("hydra", None)
    return task


def as_typed(words: Sequence[str]) -> list[str]:
    """Return overrides with their interpolations as they were written.

    Iterating over the list would resolve ``twin=${lr}`` in the configuration that holds it. A
    later composition would then ignore another value of ``lr``.
    """
    written = OmegaConf.to_container(words, resolve=False)
    assert isinstance(written, list)
    return written


def chosen_groups(hydra: HydraConf) -> dict[str, str]:
    """Return the option of each of the application's config groups: ``{"model": "lstm"}``."""
    return {
        group: option
        for group, option in hydra.runtime.choices.items()
        if isinstance(option, str) and not group.startswith("hydra/") and "@" not in group
    }
