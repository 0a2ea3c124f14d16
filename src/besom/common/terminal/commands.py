"""Formats commands to type: quoted for the shell, aligned, with the flags that find the record."""

import shlex
from collections.abc import Mapping

from besom.common.addresses import mask

DEFAULT_ROOT = "mlruns"
LONGEST = 60
"""Characters of a command that has its purpose beside it."""


def besom_command(*words: str, flags: str = "") -> str:
    """Return a command of ``besom`` whose words are quoted for the shell where they need it.

    Args:
        flags: those of the record, as :func:`record_flags` gives them.

    Examples:
        >>> besom_command("confirm", "two words", flags=" --root runs")
        "besom confirm 'two words' --root runs"
    """
    return f"besom {shlex.join(words)}{flags}"


def command_lines(commands: Mapping[str, str]) -> list[str]:
    """Return a line for each command and its purpose; that of a long command is a line before it.

    Examples:
        >>> command_lines({"besom ui": "all runs in MLflow", "besom compare best": "side by side"})
        ['besom ui            # all runs in MLflow', 'besom compare best  # side by side']
    """
    width = max((len(command) for command in commands if len(command) <= LONGEST), default=0)
    lines = []
    for command, why in commands.items():
        is_short = len(command) <= LONGEST
        lines += [f"{command:<{width}}  # {why}"] if is_short else [f"# {why}:", command]
    return lines


def record_flags(root: str, uri: str | None) -> str:
    """Return the flags with which commands find a record, each after a space; passwords are masked.

    Args:
        root: as the user gave it, relative to the folder in which commands are given.
        uri: MLflow's tracking URI, where the record is not below the root.

    Examples:
        >>> record_flags("my runs", None), record_flags("mlruns", None)
        (" --root 'my runs'", '')
    """
    flags = {
        "--root": None if root == DEFAULT_ROOT else root,
        "--tracking-uri": mask(uri) if uri else None,
    }
    return "".join(f" {flag} {shlex.quote(value)}" for flag, value in flags.items() if value)
