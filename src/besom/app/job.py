"""Composes a job's configuration in a worker, and runs the Hydra application's task with it."""

import functools
import inspect
import io
import pickle
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from hydra._internal.config_repository import ConfigRepository
from hydra.core.hydra_config import HydraConfig
from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, run_job, setup_globals
from hydra.types import HydraContext
from omegaconf import DictConfig, open_dict, read_write

from besom.app.composition import Composer
from besom.app.error_messages import HYDRA_ERRORS
from besom.app.hooks import Task
from besom.app.modules import main_module
from besom.app.modules.sent import divided_callbacks, refusal
from besom.app.modules.state import Pickler, carry
from besom.app.redaction import mask_job_files
from besom.common.errors import ConfigError
from besom.common.files import make_private


@dataclass
class JobRunner:
    """Runs jobs of an application from Hydra's context, task function and master configuration.

    ``folder`` holds all its jobs' folders, where that is not the configuration's own.
    """

    context: HydraContext
    task: Task
    master: DictConfig
    folder: str | None = None

    def compose(
        self, overrides: tuple[str, ...], number: int = 0, folder: str | None = None
    ) -> DictConfig:
        """Return the whole configuration, ``hydra`` node included, of job ``number``.

        Args:
            folder: the job's own, below the sweep's folder; where None, Hydra chooses its name.

        Raises:
            hydra.errors.ConfigCompositionException: the overrides do not fit the configuration.
            ConfigError: the option of a config group is a number.
        """
        try:
            config = self._composer.compose(overrides)
        except HYDRA_ERRORS:
            raise
        except ValueError as error:
            raise ConfigError(f"`{' '.join(overrides)}`: {error}") from error
        with open_dict(config):
            config.hydra.job.id = str(number)
            config.hydra.job.num = number
            config.hydra.sweep.dir = self.folder or config.hydra.sweep.dir
            if folder is not None:
                config.hydra.sweep.subdir = folder
        HydraConfig.instance().set_config(config)  # a copy that ``${hydra:…}`` looks into
        output_dir = str(_job_folder(config.hydra).absolute())
        told: Any = HydraConfig.get()
        for hydra in (config.hydra, told):
            with read_write(hydra.runtime), open_dict(hydra.runtime):
                hydra.runtime.output_dir = output_dir
        return config

    @cached_property
    def _composer(self) -> Composer:
        return Composer(self.context.config_loader, self.master)

    @property
    def job_folders(self) -> Path:
        """The folder that holds the folders of its jobs."""
        return Path(self.folder or self.master.hydra.sweep.dir).absolute()

    def run(self, config: DictConfig, before: Callable[[DictConfig], None]) -> JobReturn:
        """Run the task as Hydra's own launchers do: job folder, logging, ``HydraConfig``.

        Args:
            config: from :meth:`compose`.
            before: called with the task's configuration, inside the job, before the task.

        Raises:
            OSError: the job's folder cannot be made.
        """
        make_private(_job_folder(config.hydra))

        def task(config: DictConfig) -> Any:
            __tracebackhide__ = True
            mask_job_files()
            before(config)
            return self.task(config)

        return run_job(
            hydra_context=self.context,
            task_function=functools.wraps(self.task)(task),
            config=config,
            job_dir_key="hydra.sweep.dir",
            job_subdir_key="hydra.sweep.subdir",
        )


@contextmanager
def hydra_config_put_back() -> Iterator[None]:
    """Restore, after the block, the configuration that ``${hydra:…}`` looks into.

    It is the one composed last. A process may run several commands, and train without Hydra
    afterwards.
    """
    before = HydraConfig.instance().cfg
    try:
        yield
    finally:
        HydraConfig.instance().cfg = before


def _job_folder(hydra: DictConfig) -> Path:
    return Path(hydra.sweep.dir, hydra.sweep.subdir)


def dump(application: JobRunner) -> bytes:
    """Pickle an application for another process, with Hydra's singletons and its modules' state.

    Raises:
        ConfigError: a callback, a resolver or the task cannot be pickled.
    """
    main = main_module.find()
    file = io.BytesIO()
    try:
        Pickler(file, main).dump((application, Singleton.get_state()))
    except Exception as error:  # whatever the pickling of an unknown object raises
        named = refusal(application.context, application.task, application.master, main)
        raise named or error from error
    package = inspect.unwrap(application.task).__module__.partition(".")[0]
    carried = carry(main, package) if main else None
    return pickle.dumps((main, file.getvalue(), carried, None))


def moved(payload: bytes, moves: Mapping[Path, Path], jobs: Path) -> bytes:
    """Adapt what :func:`dump` returned to a machine where the same files have other paths.

    Args:
        moves: folders of this machine, and where each is on the other; the first match counts.
        jobs: the folder of the jobs' folders on the other machine.
    """
    main, content, carried, _ = pickle.loads(payload)
    return pickle.dumps((main, content, carried, (moves, jobs)))


def load(payload: bytes) -> tuple[JobRunner, tuple[str, ...]]:
    """Load what :func:`dump` returned, and set up its modules and Hydra's singletons here.

    Returns:
        The application, and sentences that name what of its state this process does not share.
    """
    main, content, carried, elsewhere = pickle.loads(payload)
    if main and elsewhere:
        main = replace(main, file=str(_moved(main.file, elsewhere[0])))
    if main:
        main.run()
    setup_globals()
    application, state = pickle.loads(content)
    _set_singletons(state)
    assert isinstance(application, JobRunner)
    remarks = (
        *(carried.put() if carried else ()),
        *divided_callbacks(application.context, application.master),
    )
    return (_settled(application, *elsewhere) if elsewhere else application), remarks


def _settled(application: JobRunner, moves: Mapping[Path, Path], jobs: Path) -> JobRunner:
    """Make Hydra use this machine's paths for configurations and for the jobs' folders."""
    loader: Any = application.context.config_loader
    for element in loader.config_search_path.get_path():
        path = str(element.path).removeprefix("file://")
        element.path = element.path if "://" in path else str(_moved(path, moves))
    loader.repository = ConfigRepository(config_search_path=loader.config_search_path)
    return replace(application, folder=str(jobs))


def _moved(path: str, moves: Mapping[Path, Path]) -> Path:
    for old, new in moves.items():
        if Path(path).is_relative_to(old):
            return new / Path(path).relative_to(old)
    return Path(path)


def _set_singletons(state: dict[str, Any]) -> None:
    """Set Hydra's singletons, but keep the identity of those that exist.

    A module may hold one: ``cs = ConfigStore.instance()`` at the top of a file.
    """
    instances = state["instances"]
    own: Any
    for kind, own in Singleton._instances.items():
        if kind in instances:
            vars(own).update(vars(instances[kind]))
            instances[kind] = own
    Singleton.set_state(state)
