"""The flags of the commands, and how a command line is refused."""

from argparse import ArgumentParser
from pathlib import Path
from typing import NoReturn

from besom.errors import UserError


class CommandError(UserError):
    """A command line that cannot be understood."""


class _Parser(ArgumentParser):
    """Refuses a command line as Besom refuses everything: in a line, without the usage."""

    def error(self, message: str) -> NoReturn:
        raise CommandError(f"{message}; see {self.prog} --help")


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
