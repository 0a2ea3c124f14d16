"""Formats commands to type next: aligned, with the flags that find the record."""

import shlex
from collections.abc import Mapping

from besom.common.addresses import mask

DEFAULT_ROOT = "mlruns"


def command_lines(commands: Mapping[str, str]) -> list[str]:
    """Return a line for each command and its purpose.

    Examples:
        >>> command_lines({"besom ui": "all runs in MLflow", "besom compare best": "side by side"})
        ['besom ui            # all runs in MLflow', 'besom compare best  # side by side']
    """
    width = max(map(len, commands))
    return [f"{command:<{width}}  # {why}" for command, why in commands.items()]


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
