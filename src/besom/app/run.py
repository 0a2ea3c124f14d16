"""Runs a Hydra application so that its user's mistakes end in a plain line, not in a traceback.

Exit codes: 0 done; 1 an error in the program, with the traceback of the program's own code; 2 a
mistake the user can mend, with one or two lines on stderr; 130 stopped by Ctrl-C. With
HYDRA_FULL_ERROR=1 Hydra's full tracebacks are shown, as in any Hydra application. The passwords of
addresses are masked in errors, in shown configurations and in logs.

Only the user can read the files that an application writes: configurations may hold secrets.
"""

import os
import sys
import traceback
from argparse import ArgumentError, Namespace
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import NoReturn, TextIO, cast

from hydra import version
from hydra._internal.utils import _run_hydra, get_args_parser
from hydra.types import RunMode

from besom.app.command import suggested_flag
from besom.app.error_messages import HYDRA_ERRORS, config_error
from besom.app.hooks import Task, entries, of_task, package_of
from besom.app.job import hydra_config_put_back
from besom.app.redaction import RedactedStream, redacted_logs
from besom.app.validate import check, hydra_of
from besom.common.addresses import mask
from besom.common.errors import ConfigError, UserError
from besom.common.stdout import complain, say, stopped

FULL_ERROR = "HYDRA_FULL_ERROR"
BEFORE_THE_TASK = {"hydra", "omegaconf", *sys.stdlib_module_names}
"""Packages whose code runs in a job before the task."""
MODES = ("run", "multirun", "cfg", "info", "shell_completion")


@dataclass(frozen=True)
class HydraApp:
    """A task function and the primary configuration that it runs on."""

    task: Task
    config_folder: Path
    config_name: str


def run(application: HydraApp, arguments: Sequence[str]) -> int:
    """Run ``arguments``, a command line of a Hydra application, and return the exit code."""
    version.setbase("1.3")
    try:
        flags = parse(arguments, application)
        with _for_this_user_alone(), hydra_config_put_back(), redacted_logs():
            if os.environ.get(FULL_ERROR) == "1":
                return _launch_fully(application, flags)
            return _launch_plainly(application, flags)
    except UserError as error:
        return complain(error)
    except KeyboardInterrupt:
        return stopped()


def parse(arguments: Sequence[str], application: HydraApp) -> Namespace:
    """Parse Hydra's own flags, with defaults filled in; overrides may stand anywhere among them.

    Raises:
        ConfigError: an unknown flag, a flag without its value, flags that exclude each other, or
            one that does nothing here.
    """
    parser = get_args_parser()
    parser.exit_on_error = False
    parser.error = _refuse  # type: ignore[method-assign]
    try:
        flags, unknown = parser.parse_known_intermixed_args(list(arguments))
    except ArgumentError as error:
        raise ConfigError(f"{error}; --hydra-help shows Hydra's flags") from None
    if unknown:
        meant = suggested_flag(unknown[0], parser)
        others = "`besom sweep --help` and --hydra-help show them"
        hint = f"did you mean `{meant}`?" if meant else others
        raise ConfigError(f"no flag `{unknown[0]}`; {hint}")
    _check_together(flags)
    if flags.config_dir and not os.path.isdir(flags.config_dir):
        raise ConfigError(f"--config-dir {flags.config_dir}: no such folder")
    flags.config_path = str(Path(flags.config_path or application.config_folder).absolute())
    flags.config_name = flags.config_name or application.config_name
    return flags


def _check_together(flags: Namespace) -> None:
    """Refuse flags that exclude each other, and flags that do nothing in this combination."""
    if (pickled := flags.experimental_rerun) is not None:
        raise ConfigError(
            f"--experimental-rerun {pickled} is not taken here; `besom reproduce RUN_ID` trains "
            "a run again"
        )
    if len(given := [f"--{mode}" for mode in MODES if getattr(flags, mode)]) > 1:
        raise ConfigError(f"{' and '.join(given)} exclude each other; leave one out")
    if flags.resolve and not (flags.cfg or flags.help):  # Hydra's own rule
        raise ConfigError("--resolve goes with --cfg or --help only; add `--cfg job`")
    if flags.package is not None and not flags.cfg:
        raise ConfigError(f"--package {flags.package} goes with --cfg only; add `--cfg job`")


def _launch_fully(application: HydraApp, flags: Namespace) -> int:
    with redirect_stderr(cast(TextIO, RedactedStream(sys.stderr))):
        try:
            _launch(application, flags)
        except UserError:
            raise
        except Exception:
            traceback.print_exc()
            return 1
    return 0


def _refuse(message: str) -> NoReturn:
    """Raise a ConfigError; over some mistakes argparse would print its usage and exit."""
    raise ConfigError(f"{message}; --hydra-help shows Hydra's flags")


def _launch_plainly(application: HydraApp, flags: Namespace) -> int:
    try:
        with _raw_errors():
            _check_and_launch(application, flags)
    except UserError:
        raise
    except Exception as error:
        task_trace = _task_trace(error)
        if task_trace is None and isinstance(error, HYDRA_ERRORS):
            raise config_error(error) from error
        if task_trace is None and _is_hydras(error):
            raise ConfigError(f"Hydra cannot start this: {_first_line(error)}") from error
        shown = error.with_traceback(task_trace or error.__traceback__)
        say(mask("".join(traceback.format_exception(shown))).rstrip())
        return 1
    return 0


def _check_and_launch(application: HydraApp, flags: Namespace) -> None:
    if flags.help or flags.hydra_help or flags.shell_completion:
        return _launch(application, flags)
    with hydra_of(application.task, flags) as hydra:
        mode = check(hydra, application.task, flags)
        if not (flags.cfg or flags.info):
            run = hydra.multirun if mode is RunMode.MULTIRUN else hydra.run
            run(flags.config_name, application.task, flags.overrides)
            return None
    return _launch(application, flags)


def _launch(application: HydraApp, flags: Namespace) -> None:
    with ExitStack() as shown:
        if flags.cfg or flags.info:
            shown.enter_context(redirect_stdout(cast(TextIO, RedactedStream(sys.stdout))))
        _run_hydra(flags, get_args_parser(), application.task, flags.config_path, flags.config_name)


@contextmanager
def _for_this_user_alone() -> Iterator[None]:
    """Make new files private to the user inside the block.

    Hydra makes the root folder in it, before any other process could; workers inherit the umask.
    """
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


@contextmanager
def _raw_errors() -> Iterator[None]:
    """Make Hydra raise its errors inside the block; otherwise it prints them and exits."""
    before = os.environ.get(FULL_ERROR)
    os.environ[FULL_ERROR] = "1"
    try:
        with redirect_stderr(cast(TextIO, _WithoutEcho(sys.stderr))):
            yield
    finally:
        if before is None:
            del os.environ[FULL_ERROR]
        else:
            os.environ[FULL_ERROR] = before


class _WithoutEcho(RedactedStream):
    """A redacted stream that drops the line which Hydra prints before it raises a task's error."""

    def write(self, text: str) -> int:
        if text.startswith("Error executing job with overrides"):
            return len(text)
        return super().write(text)


def _task_trace(error: Exception) -> TracebackType | None:
    """Return the traceback from the task function on; None where the task was not running."""
    trace = error.__traceback__
    while trace and trace.tb_frame.f_code.co_name != "run_job":
        trace = trace.tb_next
    first = trace.tb_next if trace else None
    # Code below run_job may also be Hydra's own: it makes the job's folder and sets up logging.
    return None if first is None or package_of(first) in BEFORE_THE_TASK else of_task(first)


def _is_hydras(error: Exception) -> bool:
    """Return whether Hydra itself failed, over a value of ``hydra`` that it does not check."""
    packages = [package_of(frame) for frame in entries(error.__traceback__)]
    launched = packages[packages.index("hydra") :] if "hydra" in packages else [""]
    return BEFORE_THE_TASK.issuperset(launched)


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
