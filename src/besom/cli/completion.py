"""Completes command lines: Hydra completes its own part of a line, Besom the rest.

``eval "$(besom -sc install=bash)"`` switches completion on. The shell then runs
``besom -sc query=bash`` at each tab, with the line so far in COMP_LINE.
"""

import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from besom.app.command import USAGE, Command, hydra_arguments
from besom.app.config_paths import sweep_files

HYDRAS = ("train", "sweep")
"""The commands whose words Hydra completes."""
WITH_RUNS = ("compare", "predict", "reproduce")
WITHOUT_STUDY = ("init", "reproduce", "sync")
STEERING = ("enqueue", "set", "stop")
"""The commands that change a running sweep."""

Commands = Mapping[str, Callable[[list[str]], int]]


def completion(words: list[str], commands: Commands) -> list[str] | None:
    """Return the Hydra arguments that answer ``besom -sc WORDS``; None where Besom answered it."""
    if not words or not words[0].startswith("query"):
        return ["-sc", *words]
    line = os.environ.get("COMP_LINE", "")
    typed, rest = _split(line)
    # Split as the shell does; words that Hydra completes may hold quotes and are left to Hydra.
    *before, last = line.split(" ")
    if typed and last.startswith("-"):
        choices = _flags(typed[0], commands)
    elif typed == ["train"]:
        _leave(rest)
        return ["-sc", *words]
    elif typed[:1] == ["sweep"] and len(typed) == 2 and typed[1] in sweep_files():
        _leave(rest)
        return hydra_arguments([typed[1], "-sc", *words])
    elif not typed:
        choices = commands
    elif typed[0] in commands and typed[0] not in HYDRAS:
        choices = _values(typed[0], [word for word in before if word][2:], last, commands)
    else:
        choices = sweep_files() if typed == ["sweep"] else []
    separator = "\n" if words[0].endswith("fish") else " "
    print(separator.join(sorted(choice for choice in choices if choice.startswith(last))))
    return None


def _split(line: str) -> tuple[list[str], str]:
    """Return Besom's own finished words, a command and a sweep's name, and the rest of the line."""
    _, _, rest = line.lstrip().partition(" ")
    typed: list[str] = []
    while len(typed) < (2 if typed[:1] == ["sweep"] else 1) and " " in rest.lstrip():
        word, _, rest = rest.lstrip().partition(" ")
        typed.append(word)
    return typed, rest.lstrip()


def _leave(rest: str) -> None:
    """Give Hydra the line as if its arguments followed the command directly."""
    os.environ["COMP_LINE"] = f"besom {rest}"


def _flags(command: str, commands: Commands) -> Iterable[str]:
    if command == "sweep":
        return re.findall(r"^  (--[\w-]+)", USAGE, flags=re.MULTILINE)
    return [] if command == "train" or command not in commands else _usage(command, commands)


def _usage(command: str, commands: Commands) -> dict[str, bool]:
    """Return a command's flags, and whether each takes a value."""
    asked = commands[command]
    assert isinstance(asked, Command), f"{command} is Hydra's"
    usage = asked.parser().format_usage()
    found = re.findall(r"(--[\w-]+)( [A-Z])?", usage)
    return {"--help": False} | {flag: bool(value) for flag, value in found}


def _values(command: str, before: list[str], last: str, commands: Commands) -> Iterable[str]:
    """Return the studies, trials and runs that a command accepts at this place."""
    from besom.tracking.reader import known_trials, run_ids_like

    flags, given, root = _usage(command, commands), list[str](), "mlruns"
    words = iter(before)
    for word in words:
        if flags.get(word):
            value = next(words, None)
            if value is None:
                return known_trials(Path(root)) if word == "--study" else []
            root = value if word == "--root" else root
        elif not word.startswith("-"):
            given.append(word)
    if command == "logs" and given:
        return map(str, known_trials(Path(root)).get(given[0], ())) if len(given) == 1 else []
    if given and command in STEERING:
        return _steering(command, Path(root), given)
    if given and command != "compare":
        return []
    studies = [] if command in WITHOUT_STUDY else list(known_trials(Path(root)))
    runs = run_ids_like(Path(root), last) if command in WITH_RUNS else []
    return [*studies, *runs, *(("baseline", "best") if command == "reproduce" else ())]


def _steering(command: str, root: Path, given: list[str]) -> Iterable[str]:
    """Return what may follow the study: running trials, or keys that are not given yet."""
    from besom.cli.steering import SETTABLE
    from besom.sweep.steering.requests import steering_folder
    from besom.sweep.steering.state_file import running_trials, searched_keys

    study, *words = given
    folder = steering_folder(root, study)
    if command == "stop":
        return [] if words else map(str, running_trials(folder))
    keys = SETTABLE if command == "set" else searched_keys(folder)
    known = [word.partition("=")[0] for word in words]
    return [f"{key}=" for key in keys if key not in known]
