"""The hooks that a task function may declare for the sweep that runs it.

All of it is optional; a plain Hydra task function needs none of this.
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
    """How a trained model answers where it is served, without Besom.

    Attributes:
        code: a Python file that imports nothing of Besom. Its ``_load_pyfunc(folder)`` gives an
            object whose ``predict(table)`` takes and returns a row for each answer.
        inputs: the columns of that table and their types, such as ``string`` and ``long``, or
            ``any``. Each may be missing.
        output: the type of an answer; of a row of several, the columns and their types.
        example: rows of such a table, to try it with.
        requirements: what to install for the code.
        modules: files and package folders of the application's own that the code imports.

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
    """What a sweep can know of a task before it runs.

    Attributes:
        check: refuses a configuration (raises :class:`besom.UserError`) by its keys and values,
            before anything is said or started; it should take no time.
        check_data: the same by what takes time, by the data say, after ``check``; a sweep has
            said by then what it is about.
        check_baseline: refuses the configuration that a sweep begins with, by what takes seconds
            and only an attempt can tell; called once for a sweep, before a worker is started.
        describe: what was found to work on, the data say, in a line of at most 67 columns; asked
            once they are checked, and empty where nothing is to be said.
        identity: what the result depends on beside the configuration; the data's digest, say. A
            sweep asks again, of its baseline, as each trial ends, so it should be quick: where it
            has changed, that trial does not count, and the sweep ends.
        places: keys that say where things are and not what is computed. A study may be resumed
            with other values of these.
        steps: how many reports a configuration will make; 0 where that is not known.
        step: what one is called where it is shown: ``epoch``, say.
        probe: overrides that make a short run of two reports, to estimate a sweep's cost.
        prepare: what a worker does before its first trial, while the sweep opens its stores:
            imports that take seconds.
        packaging: fills a folder with what a run's saved model needs where it is served, given the
            run's configuration, its model file and that folder; None where a model is registered
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
    """The hooks that a task function carries, or hooks that do nothing."""
    return getattr(task, "__besom_hooks__", Hooks())


def without_exits(hooks: Hooks) -> Hooks:
    """The same hooks, but that one which calls ``sys.exit`` raises a UserError instead: it would
    end a sweep without a word."""
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
    """Call what a task of Besom's takes from its user: what it raises is shown from there on."""
    __tracebackhide__ = True
    return function(*arguments)


def of_task(trace: TracebackType | None) -> TracebackType | None:
    """The part of a traceback that explains what went wrong in code of the user's.

    Left out are, at the front, functions that only pass a call on to it, with all of Besom's before
    them; they say so as Pytest's own do: by a local name ``__tracebackhide__``. And, at the end,
    what OmegaConf does until it raises: which key it was stands in its message.
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
    """Those of a traceback, the outermost first."""
    while trace is not None:
        yield trace
        trace = trace.tb_next


def package_of(trace: TracebackType) -> str:
    """The package whose function an entry of a traceback is in."""
    return str(trace.tb_frame.f_globals.get("__name__", "")).partition(".")[0]


def task_config(config: DictConfig) -> DictConfig:
    """A composed configuration as the task sees it: without the ``hydra`` node, types kept."""
    task = config.copy()
    with open_dict(task):
        task.pop("hydra", None)
    return task


def as_typed(words: Sequence[str]) -> list[str]:
    """Overrides with their interpolations as they were written.

    Iterated, the list would resolve ``twin=${lr}`` against the configuration that holds it, and a
    later composition would not follow another ``lr`` any more.
    """
    written = OmegaConf.to_container(words, resolve=False)
    assert isinstance(written, list)
    return written


def chosen_groups(hydra: HydraConf) -> dict[str, str]:
    """The option of each of the application's config groups: ``{"model": "lstm"}``."""
    return {
        group: option
        for group, option in hydra.runtime.choices.items()
        if isinstance(option, str) and not group.startswith("hydra/") and "@" not in group
    }
