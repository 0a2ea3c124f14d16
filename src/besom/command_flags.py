"""The flags of the commands, and how a command line is refused."""

import re
from argparse import ArgumentParser
from pathlib import Path
from typing import NoReturn

from besom.errors import UserError
from besom.nearest import did_you_mean


class CommandError(UserError):
    """A command line that cannot be understood."""


class _Parser(ArgumentParser):
    """Refuses a command line as Besom refuses everything: in a line, without the usage."""

    def error(self, message: str) -> NoReturn:
        mistyped = re.match("unrecognized arguments: (--[a-z-]+)", message)
        otherwise = f"see {self.prog} --help"
        known = self._option_string_actions
        hint = did_you_mean(mistyped[1], known, otherwise) if mistyped else otherwise
        raise CommandError(f"{message}; {hint}")


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
