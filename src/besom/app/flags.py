"""The flags of the commands, and how a command line is refused."""

import re
from argparse import ArgumentParser
from difflib import get_close_matches
from pathlib import Path
from typing import NoReturn

from besom.common.errors import UserError
from besom.common.suggest import MISTYPED


class CommandError(UserError):
    """A command line that cannot be understood."""


class _Parser(ArgumentParser):
    """Refuses a command line as Besom refuses everything: in a line, without the usage."""

    def error(self, message: str) -> NoReturn:
        unknown = re.match("unrecognized arguments: (--[a-z-]+)", message)
        meant = suggested_flag(unknown[1], self) if unknown else None
        hint = f"did you mean `{meant}`?" if meant else f"see {self.prog} --help"
        raise CommandError(f"{message}; {hint}")


def suggested_flag(word: str, parser: ArgumentParser) -> str | None:
    """The flag that ``--word`` or ``--word=value`` is a misspelling of; None where it is none."""
    flag = word.partition("=")[0].casefold()
    known = re.findall(r"--[\w-]+", parser.format_usage())
    if not flag.startswith("--") or flag in known:
        return None
    return next(iter(get_close_matches(flag, known, 1, MISTYPED)), None)


def parser_of(command: str, description: str) -> ArgumentParser:
    """A command's flags; the record is below ``--root``."""
    parser = _Parser(f"besom {command}", description=description, allow_abbrev=False)
    parser.add_argument("--root", type=Path, default=Path("mlruns"), help="default: mlruns")
    return parser


def reading_parser(command: str, description: str) -> ArgumentParser:
    """The flags of a command that reads any record, also one that a server keeps."""
    parser = parser_of(command, description)
    parser.add_argument("--tracking-uri", metavar="URI", help="where the record is not in --root")
    return parser
