"""What a task function may declare about itself, for those who sweep over it.

All of it is optional; a plain Hydra task function needs none of this.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from omegaconf import DictConfig, open_dict

Task = Callable[[DictConfig], Any]


@dataclass(frozen=True)
class Package:
    """How a trained model, made ready to answer without Besom, is loaded, and what it answers to.

    Attributes:
        code: a Python file that imports nothing of Besom. Its ``_load_pyfunc(folder)`` gives an
            object whose ``predict(table)`` takes and returns a row for each answer.
        inputs: the columns of that table and their types, such as ``string`` and ``long``, or
            ``any``. Each may be missing.
        output: the type of an answer.
        example: rows of such a table, to try it with.
        requirements: what to install for the code.
    """

    code: Path
    inputs: Mapping[str, str]
    output: str
    example: Sequence[Mapping[str, Any]]
    requirements: tuple[str, ...]


Pack = Callable[[DictConfig, Path, Path], Package]
"""Takes a configuration, the model file of its run, and an empty folder that it fills."""


@dataclass(frozen=True)
class Hooks:
    """What a sweep can know of a task before it runs.

    Attributes:
        check: refuses a configuration (raises ``UserError``) before anything is started.
        identity: what the result depends on beside the configuration; the data's digest, say.
        places: keys that say where things are and not what is computed. A study may be resumed
            with other values of these.
        steps: how many reports a configuration will make; 0 where that is not known.
        probe: overrides that make a short run of two reports, to estimate a sweep's cost.
        prepare: what a worker does before its first trial, while the sweep opens its stores:
            imports that take seconds.
        pack: makes a run's saved model ready to be registered and served; None where a model is
            registered as it was saved.
    """

    check: Callable[[DictConfig], None] = lambda config: None
    identity: Callable[[DictConfig], Mapping[str, str]] = lambda config: {}
    places: tuple[str, ...] = ("tracking",)
    steps: Callable[[DictConfig], int] = lambda config: 0
    probe: tuple[str, ...] = ()
    prepare: Callable[[], None] = lambda: None
    pack: Pack | None = None


def hooked(hooks: Hooks) -> Callable[[Task], Task]:
    """Attach hooks to a task function; use it below ``@hydra.main``."""

    def attach(task: Task) -> Task:
        task.__besom_hooks__ = hooks  # type: ignore[attr-defined]
        return task

    return attach


def hooks_of(task: Task) -> Hooks:
    """The hooks that a task function carries, or hooks that do nothing."""
    return getattr(task, "__besom_hooks__", Hooks())


def of_task(frames: TracebackType | None) -> TracebackType | None:
    """A traceback less the frames of those who only pass a call on to the task.

    These say so as Pytest's helpers do: by a local name ``__tracebackhide__``.
    """
    while frames is not None and "__tracebackhide__" in frames.tb_frame.f_locals:
        frames = frames.tb_next
    return frames


def task_config(config: DictConfig) -> DictConfig:
    """A composed configuration as the task sees it: without the ``hydra`` node, types kept."""
    task = config.copy()
    with open_dict(task):
        task.pop("hydra", None)
    return task
