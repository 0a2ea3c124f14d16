"""Translates ``besom sweep NAME ...`` into Hydra's arguments, and parses every command's flags."""

import re
from argparse import ArgumentError, ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from math import inf
from pathlib import Path
from typing import NoReturn

from besom.app.config_paths import sweep_files
from besom.common.errors import UserError
from besom.common.suggest import MISTYPED, did_you_mean

# With one of these flags Hydra shows something instead of running, and refuses --multirun.
SHOWING = ("--cfg", "-c", "--info", "-i", "--shell-completion", "-sc")

USAGE = """\
besom sweep NAME [flags] [KEY=VALUE ...]    run sweeps/NAME.yaml, or its rest

  --trials N     trials in total; those that are done count
  --workers N    trials at the same time, or auto: as many as fit (also --jobs)
  --pool ray     workers on a Ray cluster, not as processes of this machine
  --hours H      no new trial after so long; 0.5 is half an hour
  --name STUDY   the study; the same name again resumes it
  --no-confirm   no trainings on fresh seeds after the trials, and no verdict
  --dry-run      show the space, the first proposals, estimated time and disk
  KEY=VALUE      any Hydra override, 'model.units=range(8,65,step=8)' say

Hydra's own flags work too: besom sweep NAME --cfg job, --info, --help.
besom logs STUDY TRIAL shows what a trial has logged and printed; all that a
worker prints stands in mlruns/jobs/STUDY/workers/worker-N.log.

Sweeps:
"""


class CommandError(UserError):
    """A command line that cannot be understood: an unknown word, or a flag with a wrong value."""


def hydra_arguments(words: list[str]) -> list[str]:
    """Return the arguments of ``python -m besom.rnn`` that ``besom sweep WORDS`` stands for.

    Raises:
        CommandError: the sweep is missing or unknown, or a flag's value is missing or wrong.
    """
    flags, rest = _our_flags(words)
    if not rest or rest[0].startswith("-") or "=" in rest[0]:
        raise CommandError("name the sweep first: besom sweep NAME ...; `besom sweep` lists")
    name, *rest = rest
    named = ["--config-dir", str(_folder(name)), "--config-name", name]
    shows = any(word.partition("=")[0] in SHOWING for word in rest)
    return [*named, *([] if shows else ["--multirun"]), *rest, *_overrides(flags)]


def overview() -> str:
    """Return the usage of ``besom sweep``, and each sweep with the purpose that its file states."""
    sweeps = [f"  {name:<16} {_purpose(file)}" for name, file in sweep_files().items()]
    return USAGE + "".join(f"{line.rstrip()}\n" for line in sorted(sweeps) or ["  none here"])


def _our_flags(words: list[str]) -> tuple[Namespace, list[str]]:
    parser = ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--trials", type=whole_number)
    parser.add_argument("--workers", "--jobs", type=number_of_workers)
    parser.add_argument("--pool")
    parser.add_argument("--hours", type=hours)
    parser.add_argument("--name")
    parser.add_argument("--no-confirm", action="store_true")
    parser.add_argument("--dry-run", action="store_true")
    try:
        flags, rest = parser.parse_known_args(words)
    except ArgumentError as error:
        raise CommandError(f"{error}; see besom sweep --help") from None
    for word in rest:
        if meant := suggested_flag(word, parser):
            raise CommandError(f"no flag `{word.partition('=')[0]}`; did you mean `{meant}`?")
    return flags, rest


def whole_number(text: str) -> int:
    """Return a flag's value as a whole number above 0; a type for argparse."""
    if not text.isdecimal() or int(text) == 0:
        raise ArgumentTypeError(f"`{text}` is no whole number above 0")
    return int(text)


def hours(text: str) -> float:
    """Return a flag's value as a number of hours above 0; a type for argparse."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < inf:
        raise ArgumentTypeError(f"`{text}` is no number of hours above 0")
    return number


def number_of_workers(text: str) -> int | str:
    """Return a whole number above 0, or ``auto``: as many workers as there is room for."""
    return text if text == "auto" else whole_number(text)


def _overrides(flags: Namespace) -> list[str]:
    name = None if flags.name is None else quoted(flags.name)
    values = {
        "n_trials": flags.trials,
        "n_jobs": flags.workers,
        "timeout": None if flags.hours is None else flags.hours * 3600,
        "pool": flags.pool,
        "study_name": name,
    }
    given = [f"hydra.sweeper.{key}={value}" for key, value in values.items() if value is not None]
    given += ["hydra.sweeper.confirm.top_k=0"] if flags.no_confirm else []
    return [*given, *(["hydra.sweeper.dry_run=true"] if flags.dry_run else [])]


def quoted(text: str) -> str:
    """Quote text so that Hydra's grammar reads it as text: ``5`` does not become a number."""
    return "'" + text.replace("'", r"\'") + "'"


def _folder(name: str) -> Path:
    files = sweep_files()
    if name not in files:
        hint = did_you_mean(Path(name).stem, files, "`besom sweep` lists what there is")
        raise CommandError(f"no sweep `{name}`; {hint}")
    try:
        text = files[name].read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise CommandError(f"{files[name]} cannot be read: {reason}; mend it") from error
    if "hydra/sweeper: besom" not in text:
        raise CommandError(
            f"{files[name]} does not choose Besom's sweeper; begin it with\n"
            "defaults: [train, sweep, override hydra/sweeper: besom, _self_]\n"
            "or run the application of your own that it is for: "
            f"python main.py -m --config-dir sweeps --config-name {name}"
        )
    return files[name].parent


def _purpose(file: Path) -> str:
    """Return a sweep file's first comment after the command that it opens with."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):  # a damaged file must not hide the others
        return "(cannot be read)"
    comments = [line.strip("# ") for line in lines if line.startswith("#")]
    return next((text for text in comments if text and not text.startswith("besom ")), "")


@dataclass(frozen=True)
class Command:
    """A command of ``besom``; calling it with the words of a command line returns the exit code.

    Attributes:
        parser: makes the parser of the words; it must be quick.
        run: carries out the parsed command and returns the exit code.
        is_intermixed: whether positional words may stand before and after flags.
    """

    parser: Callable[[], ArgumentParser]
    run: Callable[[Namespace], int]
    is_intermixed: bool = False

    def __call__(self, words: list[str]) -> int:
        parser = self.parser()
        read = parser.parse_intermixed_args if self.is_intermixed else parser.parse_args
        return self.run(read(words))


class _Parser(ArgumentParser):
    """A parser that refuses a command line in one line, without argparse's usage text."""

    def error(self, message: str) -> NoReturn:
        unknown = re.match("unrecognized arguments: (--[a-z-]+)", message)
        meant = suggested_flag(unknown[1], self) if unknown else None
        hint = f"did you mean `{meant}`?" if meant else f"see {self.prog} --help"
        raise CommandError(f"{message}; {hint}")


def suggested_flag(word: str, parser: ArgumentParser) -> str | None:
    """Return the flag that ``--word`` or ``--word=value`` misspells; None where there is none."""
    flag = word.partition("=")[0].casefold()
    known = re.findall(r"--[\w-]+", parser.format_usage())
    if not flag.startswith("--") or flag in known:
        return None
    return next(iter(get_close_matches(flag, known, 1, MISTYPED)), None)


def plain_parser(command: str, description: str) -> ArgumentParser:
    """Return the parser of a command that reads no record."""
    return _Parser(f"besom {command}", description=description, allow_abbrev=False)


def parser_of(command: str, description: str) -> ArgumentParser:
    """Return the parser of a command whose record is below ``--root``."""
    parser = plain_parser(command, description)
    parser.add_argument("--root", type=Path, default=Path("mlruns"), help="default: mlruns")
    return parser


def reading_parser(command: str, description: str) -> ArgumentParser:
    """Return the parser of a command that reads any record, also one that a server keeps."""
    parser = parser_of(command, description)
    parser.add_argument("--tracking-uri", metavar="URI", help="where the record is not in --root")
    return parser
