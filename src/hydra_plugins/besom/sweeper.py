"""Defines the sweeper ``hydra/sweeper=besom``, through which Hydra calls the engine.

Hydra imports this whenever any application starts, so heavy imports happen in ``sweep``.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from hydra.core.config_store import ConfigStore
from hydra.errors import ConfigCompositionException
from hydra.experimental.callback import Callback
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, flag_override
from omegaconf.errors import InterpolationResolutionError

from besom.app.hooks import as_typed
from besom.common.errors import BesomError, ConfigError, SweepFailed, UserError
from besom.common.files import check_working_folder
from besom.common.stdout import complain, read_or_not, say, stopped, warnings_no_errors
from besom.search.algorithms.options import PRUNERS, SAMPLERS, NsgaIISampler, TpeSampler
from besom.search.options import GROUP, SWEEPER, TARGETS, SweepOptions

CALLBACKS = f"{GROUP}/callbacks"


class OptionsCheck(Callback):
    """Refuses options of the sweeper that refer to something that does not exist.

    Hydra resolves all options and imports ``_target_`` before it calls the sweeper, and shows a
    traceback where one fails. It calls callbacks before that, so ``hydra/sweeper=besom`` adds this
    one.
    """

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        sweeper = config.hydra.sweeper
        with _in_plain_lines(), flag_override(config, ["readonly", "struct"], False):
            OmegaConf.to_container(sweeper, resolve=True)
            if sweeper._target_ not in TARGETS:
                raise ConfigError(
                    f"hydra.sweeper._target_={sweeper._target_}: with hydra/sweeper=besom it is "
                    f"{SWEEPER}; leave it out"
                )
            sweeper._target_ = TARGETS[sweeper._target_]


class BesomSweeper(Sweeper):
    """A sweeper for asynchronous, pruned, resumable sweeps; see ``besom.search.options``."""

    def __init__(self, **options: Any) -> None:
        """Ignore the options, which Hydra passes one by one; ``setup`` gets them together."""

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        self._context = hydra_context
        self._task = task_function
        self._master = config

    def sweep(self, arguments: list[str]) -> Any:
        """Run the sweep; a user's mistake ends in plain lines with exit code 2."""
        with _in_plain_lines(), read_or_not(), warnings_no_errors():
            return self._sweep(arguments)

    def _sweep(self, arguments: list[str]) -> Any:
        from besom.workers.signals import ending_after

        check_working_folder()
        with ending_after():
            from besom.app.job import JobRunner
            from besom.sweep.opening import print_opening
            from besom.sweep.plan import make_plan

        application = JobRunner(self._context, self._task, self._master)
        options = self._options()
        confirm = self._master.hydra.sweeper.confirm
        options.confirm.overrides = as_typed(confirm.overrides) if confirm.overrides else []
        plan = make_plan(options, application, arguments, print_opening)
        with ending_after():
            from besom.sweep.run import run_sweep
        return run_sweep(plan)

    def _options(self) -> SweepOptions:
        from besom.app.error_messages import HYDRA_ERRORS, config_error
        from besom.search.optuna_sweeper_options import read_options

        self._name_study()
        try:
            return read_options(self._master)
        except HYDRA_ERRORS as error:
            raise config_error(error) from error

    def _name_study(self) -> None:
        """Name the study after the program, unless the user has named it."""
        from besom.app.source import program_name

        hydra = self._master.hydra
        written: Any = OmegaConf.to_container(hydra.sweeper, resolve=False)
        if written.get("study_name") in (None, SweepOptions.study_name):
            with flag_override(hydra.sweeper, ["readonly", "struct"], False):
                hydra.sweeper.study_name = program_name(self._task, hydra.job.name)


@contextmanager
def _in_plain_lines() -> Iterator[None]:
    """End the program where the block fails: with exit code 2 for a user's mistake."""
    from besom.app.error_messages import config_error

    try:
        yield
    except BesomError as error:
        _refuse(error)
    except (ConfigCompositionException, InterpolationResolutionError) as error:
        _refuse(config_error(error))
    except KeyboardInterrupt:
        raise SystemExit(stopped("; the same command resumes the sweep")) from None


def _refuse(error: BesomError) -> NoReturn:
    if isinstance(error, UserError):
        raise SystemExit(complain(error)) from error
    if isinstance(error, SweepFailed) and error.traceback.startswith("Traceback"):
        say(error.traceback)
    say(f"besom: {error}")
    raise SystemExit(1) from error


def _store() -> None:
    """Make the options known to Hydra as config groups."""
    store = ConfigStore.instance()
    options = OmegaConf.structured(SweepOptions)
    # These mappings take any key, without a +.
    for node in (options.baseline, options.constraints, options.ray.runtime_env):
        OmegaConf.set_struct(node, False)
    store.store(group=GROUP, name="besom", node=options, provider="besom")
    store.store(
        group=CALLBACKS,
        name="besom",
        node={"besom": {"_target_": f"{__name__}.OptionsCheck"}},
        provider="besom",
    )
    for kind, records in (("sampler", SAMPLERS), ("pruner", PRUNERS)):
        for record in records:
            group = f"{GROUP}/{kind}"
            store.store(group=group, name=record().name, node=_open(record), provider="besom")
    names = {"motpe": TpeSampler, "nsgaii": NsgaIISampler}  # Optuna's TPE includes MOTPE
    for name, sampler in names.items():
        store.store(group=f"{GROUP}/sampler", name=name, node=_open(sampler), provider="besom")


def _open(record: type) -> DictConfig:
    """Return a node that accepts more keys than ``record``: those of its ``_target_``'s class."""
    node: DictConfig = OmegaConf.structured(record)
    OmegaConf.set_struct(node, False)
    return node


_store()
