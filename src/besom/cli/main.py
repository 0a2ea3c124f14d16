"""Runs the ``besom`` command, a thin layer over the Hydra application in :mod:`besom.rnn.__main__`.

Each command imports what it needs when it is called, so that ``besom --help`` answers at once.
"""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence

from besom import __version__
from besom.app.command import (
    Command,
    CommandError,
    hydra_arguments,
    number_of_workers,
    overview,
    reading_parser,
    whole_number,
)
from besom.cli import commands, steering
from besom.cli.clean import CLEAN
from besom.cli.completion import completion
from besom.cli.init import INIT
from besom.cli.logs import LOGS
from besom.cli.ui import UI
from besom.common.errors import UserError
from besom.common.files import check_working_folder
from besom.common.interpreter import raise_at_interrupt
from besom.common.stdout import complain, read_or_not, stopped, warnings_no_errors
from besom.common.suggest import did_you_mean, listed

HELP = """\
Besom: asynchronous, pruned, resumable hyperparameter sweeps inside plain Hydra.

besom COMMAND:
  train [KEY=VALUE ...]         train once, and record it; any Hydra argument
  sweep                         list the sweeps
  sweep NAME [KEY=VALUE ...]    run sweeps/NAME.yaml, or what remains of it
  status [STUDY]                how far it is: trials, best, workers, time left
  stop STUDY [TRIAL]            end a sweep that runs, or prune a trial of it
  enqueue STUDY KEY=VALUE ...   have a point tried next
  set STUDY n_trials=60 n_jobs=3
                                more or fewer trials and workers while it runs
  compare [STUDY|RUN_ID ...]    runs side by side: what differs, what came of it
  confirm STUDY                 the best against the baseline, on fresh seeds
  report STUDY                  what it has taught, as one HTML file
  logs STUDY TRIAL              what a trial has logged and printed
  export STUDY                  its winner as conf/experiment/STUDY.yaml
  reproduce RUN_ID|baseline|best
                                train it again: do the numbers agree?
  predict RUN_ID|STUDY "text" ...
                                which class a text is of, and how likely
  clean STUDY [--dry-run]       delete what beaten trials left: models, logs
  sync                          deliver what MLflow could not take at the time
  init NAME [--keras]           a Hydra application of your own in a new folder
  ui [STUDY] [--port N]         its trials in MLflow; --optuna: the dashboard

besom train --help, besom sweep --help: more on each          besom --version
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line (``sys.argv`` where none is given) and return the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        with read_or_not(), warnings_no_errors():
            return _command(words)
    except UserError as error:
        return complain(error)
    except KeyboardInterrupt:
        return stopped()


def _command(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        print(HELP, end="")
        return 0
    for word in words:
        # Surrogates stand for bytes of another encoding; a NUL can come only from a Python caller.
        if word.encode("utf-8", "ignore").decode() != word or "\0" in word:
            raise CommandError(f"`{word}` is not valid UTF-8; write it, or name the file, in UTF-8")
    if words[0] == "--version":
        print(f"besom {__version__}")
        return 0
    check_working_folder()
    if words[0] in ("-sc", "--shell-completion"):
        arguments = completion(words[1:], COMMANDS)
        return 0 if arguments is None else train(arguments)
    if words[0] not in COMMANDS:
        hint = did_you_mean(words[0], COMMANDS, f"there are {listed(COMMANDS)}")
        raise CommandError(f"no command `{words[0]}`; {hint}")
    if COMMANDS[words[0]] not in (train, sweep):
        raise_at_interrupt()
    return COMMANDS[words[0]](words[1:])


def train(words: list[str]) -> int:
    """Pass all words to the Hydra application."""
    from besom.rnn.__main__ import main as application

    raise_at_interrupt()
    return application(words)


def sweep(words: list[str]) -> int:
    """Pass all words to the Hydra application, as a multirun of the named sweep."""
    if not words or words[0] in ("-h", "--help"):
        print(overview(), end="")
        return 0
    return train(hydra_arguments(words))


def _confirm_parser() -> ArgumentParser:
    parser = reading_parser(
        "confirm", "Train the baseline and the best trials again on fresh seeds; which is better?"
    )
    parser.add_argument("study", metavar="STUDY")
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="instead of the sweep's")
    for flag in ("--top-k", "--seeds"):
        parser.add_argument(flag, type=whole_number, metavar="N", help="default: the sweep's")
    several = "a number or auto; default: the sweep's"
    parser.add_argument("--workers", "--jobs", type=number_of_workers, metavar="N", help=several)
    return parser


def _confirm(options: Namespace) -> int:
    """Train the baseline and the best trials again on fresh seeds, and print the verdict."""
    if wrong := [word for word in options.overrides if "=" not in word]:
        raise CommandError(f"`{wrong[0]}` is no KEY=VALUE; besom confirm takes one study")

    from besom.results.confirm import sweep_words

    record = (options.root, options.tracking_uri, options.study)
    numbers = (options.top_k, options.seeds, options.workers)
    return sweep(sweep_words(*record, *numbers, options.overrides))


COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "train": train,
    "sweep": sweep,
    "clean": CLEAN,
    "compare": commands.COMPARE,
    "confirm": Command(_confirm_parser, _confirm, is_intermixed=True),
    "report": commands.REPORT,
    "enqueue": steering.ENQUEUE,
    "export": commands.EXPORT,
    "init": INIT,
    "logs": LOGS,
    "predict": commands.PREDICT,
    "reproduce": commands.REPRODUCE,
    "set": steering.SET,
    "status": steering.STATUS,
    "stop": steering.STOP,
    "sync": commands.SYNC,
    "ui": UI,
}
