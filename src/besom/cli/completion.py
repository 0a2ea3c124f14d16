"""Tab completion: Hydra's own, told which part of the line is Hydra's.

``eval "$(besom -sc install=bash)"`` switches it on. The shell then runs ``besom -sc query=bash``
for each tab, with the line so far in COMP_LINE.
"""

import os
from collections.abc import Iterable

from besom.app.command import hydra_arguments
from besom.app.config_paths import sweep_files


def completion(words: list[str], commands: Iterable[str]) -> list[str] | None:
    """The Hydra arguments that answer ``besom -sc WORDS``; none where it is answered here."""
    if not words or not words[0].startswith("query"):
        return ["-sc", *words]
    typed, rest = _split(os.environ.get("COMP_LINE", ""))
    if typed == ["train"]:
        _leave(rest)
        return ["-sc", *words]
    if typed[:1] == ["sweep"] and len(typed) == 2 and typed[1] in sweep_files():
        _leave(rest)
        return hydra_arguments([typed[1], "-sc", *words])
    choices = commands if not typed else sweep_files() if typed == ["sweep"] else []
    print(" ".join(sorted(choice for choice in choices if choice.startswith(rest))))
    return None


def _split(line: str) -> tuple[list[str], str]:
    """The finished words that are Besom's, a command and a sweep's name, and what follows."""
    _, _, rest = line.lstrip().partition(" ")
    typed: list[str] = []
    while len(typed) < (2 if typed[:1] == ["sweep"] else 1) and " " in rest.lstrip():
        word, _, rest = rest.lstrip().partition(" ")
        typed.append(word)
    return typed, rest.lstrip()


def _leave(rest: str) -> None:
    """Show Hydra a line as if its arguments stood right behind the command."""
    os.environ["COMP_LINE"] = f"besom {rest}"
