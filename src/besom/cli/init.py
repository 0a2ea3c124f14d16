"""Implements ``besom init NAME``, which copies an application of ``examples/`` to a new folder."""

import os
import re
import tempfile
from argparse import ArgumentParser, Namespace
from fnmatch import fnmatch
from pathlib import Path

from besom.app.command import Command, CommandError, plain_parser
from besom.app.config_paths import examples_folder
from besom.common.errors import StoreError
from besom.common.terminal.commands import command_lines

TEMPLATES = {False: "loop_app", True: "keras_app"}
"""The template by whether it is for Keras. Its files contain its name, too."""
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,99}")

README = "README.md"
COMMANDS = re.compile(r"(?:^[^\s#].* # .*\n){2,}", re.MULTILINE)
"""Lines of commands, each with its purpose."""

NEXT = {
    "python main.py": "trains once",
    "python main.py -m": "sweeps; the same command resumes where it stopped",
    "besom report {name}": "what the sweep has taught",
}


def _parser() -> ArgumentParser:
    parser = plain_parser("init", "Make a Hydra application in a new folder: NAME/.")
    parser.add_argument("name", metavar="NAME", help="a-z, A-Z, 0-9, - and _")
    parser.add_argument("--keras", action="store_true", help="a task for Keras, not a plain loop")
    return parser


def _init(options: Namespace) -> int:
    """Make an application, and print how to run it."""
    folder = Path(options.name)
    if not NAME.fullmatch(folder.name):
        raise CommandError(
            f"`{options.name}` is no name for an application: it must begin with a letter of "
            "a-z and hold a-z, A-Z, 0-9, - and _ alone, as my_app does"
        )
    try:
        make_application(folder, TEMPLATES[options.keras])
    except OSError as error:
        raise StoreError(
            f"{folder} cannot be made: {error.strerror}; give another folder"
        ) from error
    print(f"{folder}/  main.py is the task, conf/ its configuration and what is searched\n")
    commands = {command.format(name=folder.name): what for command, what in NEXT.items()}
    print(f"  cd {folder}")
    for line in command_lines(commands):
        print(f"  {line}")
    return 0


def make_application(folder: Path, template: str) -> None:
    """Copy an example into ``folder``, completely or not at all, and give it the folder's name.

    Raises:
        CommandError: the folder exists and is not empty, or is a file.
        OSError: it cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CommandError(f"{folder} is there already; give another name, or an empty folder")
    folder.parent.mkdir(parents=True, exist_ok=True)
    source = examples_folder() / template
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as scratch:
        draft = Path(scratch, folder.name)
        for file in _files(source):
            copy = draft / file.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            text = file.read_text(encoding="utf-8").replace(template, folder.name)
            copy.write_text(_aligned(text) if copy.name == README else text, encoding="utf-8")
        os.replace(draft, folder)


def _aligned(text: str) -> str:
    """Align the remarks after commands again, since names differ in length from the template's."""
    return COMMANDS.sub(lambda block: "\n".join(_commands(block[0])) + "\n", text)


def _commands(block: str) -> list[str]:
    pairs = (line.split(" # ", 1) for line in block.splitlines())
    return command_lines({command.rstrip(): why for command, why in pairs})


def _files(source: Path) -> list[Path]:
    """Return the files of an example, without those that running it has left."""
    ignored = (source / ".gitignore").read_text(encoding="utf-8").replace("/", "").split()
    return [
        file
        for file in sorted(source.rglob("*"))
        if file.is_file()
        and not any(fnmatch(part, p) for part in file.relative_to(source).parts for p in ignored)
    ]


INIT = Command(_parser, _init)
