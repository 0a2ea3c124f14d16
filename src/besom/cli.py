"""The ``besom`` command: thin sugar over the Hydra application in :mod:`besom.rnn.__main__`.

Each command imports what it needs when it is called, so that ``besom --help`` answers at once.
"""

import sys
from argparse import ArgumentError, ArgumentParser
from collections.abc import Callable, Sequence
from pathlib import Path

from besom import __version__
from besom.completion import completion
from besom.errors import UserError
from besom.nearest import did_you_mean, listed
from besom.sweep_command import hydra_arguments, overview

HELP = """\
Besom: asynchronous, pruned, resumable hyperparameter sweeps inside plain Hydra.

  besom train [KEY=VALUE ...]         train once, and record it; any Hydra argument
  besom sweep                         list the sweeps
  besom sweep NAME [KEY=VALUE ...]    run sweeps/NAME.yaml, or what remains of it
  besom ui [--root FOLDER] [--port N] browse the recorded runs

  besom train --help, besom sweep --help: more on each          besom --version
"""


class CommandError(UserError):
    """A command line that cannot be understood."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line (``sys.argv`` where none is given) and return the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return _command(words)
    except UserError as error:
        print(f"besom: {error}", file=sys.stderr)
        return error.exit_code


def _command(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        print(HELP, end="")
        return 0
    if words[0] == "--version":
        print(f"besom {__version__}")
        return 0
    if words[0] in ("-sc", "--shell-completion"):
        arguments = completion(words[1:], COMMANDS)
        return 0 if arguments is None else train(arguments)
    if words[0] not in COMMANDS:
        hint = did_you_mean(words[0], COMMANDS, f"there are {listed(COMMANDS)}")
        raise CommandError(f"no command `{words[0]}`; {hint}")
    return COMMANDS[words[0]](words[1:])


def train(words: list[str]) -> int:
    """Hand everything to the Hydra application."""
    from besom.rnn.__main__ import main as application

    return application(words)


def sweep(words: list[str]) -> int:
    """Hand everything to the Hydra application, as a multirun of the named sweep."""
    if not words or words[0] in ("-h", "--help"):
        print(overview(), end="")
        return 0
    return train(hydra_arguments(words))


def ui(words: list[str]) -> int:
    """Serve MLflow's pages."""
    parser = ArgumentParser(
        "besom ui", description="Browse the recorded runs.", exit_on_error=False
    )
    parser.add_argument("--root", type=Path, default=Path("mlruns"), help="default: mlruns")
    parser.add_argument("--port", type=int, default=5000, help="default: 5000")
    try:
        options, unknown = parser.parse_known_args(words)
    except ArgumentError as error:
        raise CommandError(f"{error}; see besom ui --help") from None
    if unknown:
        raise CommandError(f"besom ui knows no `{unknown[0]}`; see besom ui --help")
    if not 0 < options.port < 2**16:
        raise CommandError(f"--port {options.port} is outside 1..65535; the default is 5000")
    if not options.root.is_dir():
        raise CommandError(f"--root {options.root}: no such folder; `besom train` records into it")

    from besom.tracking.ui import serve

    serve(root=options.root, port=options.port)
    return 0


COMMANDS: dict[str, Callable[[list[str]], int]] = {"train": train, "sweep": sweep, "ui": ui}
