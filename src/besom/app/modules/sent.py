"""Says what of an application cannot be sent to workers, and what they have only copies of."""

import io
from collections.abc import Iterator
from typing import Any

from hydra.experimental.callback import Callback
from hydra.types import HydraContext
from omegaconf import DictConfig
from omegaconf.basecontainer import BaseContainer

from besom.app.hooks import Task
from besom.app.modules.main_module import MainModule
from besom.app.modules.state import Pickler
from besom.common.errors import ConfigError, one_line

OF_JOBS = ("on_job_start", "on_job_end")
OF_SWEEP = "on_multirun_end"


def refusal(
    context: HydraContext, task: Task, config: DictConfig, main: MainModule | None
) -> ConfigError | None:
    """Return an error that names what cannot be pickled; None if each part can be."""
    for name, part, remedy in _parts(context, task, config):
        try:
            Pickler(io.BytesIO(), main).dump(part)
        except Exception as error:  # whatever the pickling of an unknown object raises
            return ConfigError(f"{name} cannot be sent to workers: {one_line(error)};\n{remedy}")
    return None


def _parts(context: HydraContext, task: Task, config: DictConfig) -> Iterator[tuple[str, Any, str]]:
    """Yield what may hold objects of the user's: its name, itself, and what helps."""
    for name, callback in _named_callbacks(context, config):
        yield name, callback, "make that in on_job_start, or leave it out by a __getstate__"
    for name, resolver in BaseContainer._resolvers.items():
        yield f"resolver `{name}`", resolver, "make that when the resolver is first called"
    yield "the task", task, "make that at the top of its module, or inside the task"


def _named_callbacks(context: HydraContext, config: DictConfig) -> Iterator[tuple[str, Any]]:
    """Yield Hydra's callbacks, each after ``callback `collect` (my_callbacks.Collect)``."""
    names = list(config.hydra.callbacks or ())
    for name, callback in zip(names, context.callbacks.callbacks, strict=False):
        kind = type(callback)
        yield f"callback `{name}` ({kind.__module__}.{kind.__qualname__})", callback


def divided_callbacks(context: HydraContext, config: DictConfig) -> Iterator[str]:
    """Yield a sentence for each of Hydra's callbacks that is told of jobs and of the sweep's end.

    It is told of jobs in the workers, which have copies of it, and of the end in the sweep's own
    process.
    """
    for name, callback in _named_callbacks(context, config):
        of_jobs = [method for method in OF_JOBS if _overrides(callback, method)]
        if of_jobs and _overrides(callback, OF_SWEEP):
            yield (
                f"{name}: the workers have copies of it, and {OF_SWEEP} does not see what they are "
                f"told ({', '.join(of_jobs)}); collect over trials with hydra.sweeper.callbacks"
            )


def _overrides(callback: Any, method: str) -> bool:
    own = getattr(Callback, method)
    return getattr(type(callback), method, own) is not own
