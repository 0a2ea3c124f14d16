"""Implements the commands that inspect and change a running sweep: status, stop, enqueue, set."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path
from typing import Any

from besom.app.command import Command, CommandError, parser_of, whole_number
from besom.common.suggest import did_you_mean

SETTABLE = ("n_trials", "n_jobs")
"""The keys that ``besom set`` accepts."""


def _status_parser() -> ArgumentParser:
    parser = parser_of("status", "How far a study is: trials, the best, workers, the time left.")
    parser.add_argument("study", nargs="?", metavar="STUDY", help="default: a line for each")
    return parser


def _status(options: Namespace) -> int:
    """Print how far one study is, or all."""
    from besom.common.text import printable
    from besom.sweep.steering import status

    if options.study:
        lines = status.status_lines(status.read_status(options.root, options.study))
    elif names := status.study_names(options.root):
        lines = status.list_lines([status.read_status(options.root, name) for name in names])
    else:
        lines = [f"{options.root} holds no study; `besom sweep NAME` makes one"]
    for line in lines:
        print(printable(line))
    return 0


def _stop_parser() -> ArgumentParser:
    parser = parser_of(
        "stop",
        "End a sweep at its trials' next reports, as one Ctrl-C in its own terminal does; or one "
        "trial, as pruned.",
    )
    parser.add_argument("study", metavar="STUDY")
    parser.add_argument("trial", nargs="?", type=int, metavar="TRIAL", help="this one alone")
    return parser


def _stop(options: Namespace) -> int:
    """Ask the supervisor to end a sweep, or to prune a trial."""
    from besom.sweep.steering.requests import STOP, STOP_TRIAL

    if options.trial is None:
        return _ask(options, STOP)
    return _ask(options, STOP_TRIAL, trial=options.trial)


def _enqueue_parser() -> ArgumentParser:
    parser = parser_of(
        "enqueue", "Have a point of the search space tried next, in the place of a trial to come."
    )
    parser.add_argument("study", metavar="STUDY")
    parser.add_argument(
        "words", nargs="+", metavar="KEY=VALUE", help="what is left out the sampler fills in"
    )
    return parser


def _enqueue(options: Namespace) -> int:
    """Ask the supervisor to try a point."""
    from besom.sweep.steering.requests import ENQUEUE

    _split(options.words, "enqueue")
    return _ask(options, ENQUEUE, words=options.words)


def _set_parser() -> ArgumentParser:
    parser = parser_of(
        "set", "Change a sweep that runs: n_trials=N, the trials in all; n_jobs=N, the workers."
    )
    parser.add_argument("study", metavar="STUDY")
    parser.add_argument("words", nargs="+", metavar="n_trials=N|n_jobs=N")
    return parser


def _set(options: Namespace) -> int:
    """Ask the supervisor for another number of trials or workers."""
    from besom.sweep.steering.requests import SET

    numbers = {}
    for key, text in _split(options.words, "set").items():
        if key not in SETTABLE:
            hint = did_you_mean(key, SETTABLE, "n_trials and n_jobs can be set while it runs")
            raise CommandError(f"`{key}` cannot be set; {hint}")
        try:
            numbers[key] = whole_number(text)
        except ArgumentTypeError as error:
            raise CommandError(f"{key}: {error}") from None
    return _ask(options, SET, **numbers)


def _split(words: list[str], command: str) -> dict[str, str]:
    """Return ``{"n_trials": "60"}`` for ``["n_trials=60"]``."""
    if wrong := [word for word in words if "=" not in word]:
        raise CommandError(f"`{wrong[0]}` is no KEY=VALUE; see besom {command} --help")
    pairs = [word.partition("=") for word in words]
    keys = [key for key, _, _ in pairs]
    if twice := [key for key in keys if keys.count(key) > 1]:
        raise CommandError(f"`{twice[0]}` is given twice; leave one out")
    return {key: value for key, _, value in pairs}


def _ask(options: Namespace, kind: str, **arguments: Any) -> int:
    """Send a request to a study's supervisor, and print its answer."""
    from besom.sweep.steering.requests import ask, steering_folder
    from besom.sweep.steering.status import lock_of_study, read_status

    root: Path = options.root
    read_status(root, options.study)  # fails where there is no such study
    folder = steering_folder(root, options.study)
    print(ask(folder, lock_of_study(root, options.study), kind, **arguments))
    return 0


STATUS = Command(_status_parser, _status)
STOP = Command(_stop_parser, _stop)
ENQUEUE = Command(_enqueue_parser, _enqueue, is_intermixed=True)
SET = Command(_set_parser, _set, is_intermixed=True)
