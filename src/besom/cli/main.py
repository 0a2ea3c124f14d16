"""The ``besom`` command: thin sugar over the Hydra application in :mod:`besom.rnn.__main__`.

Each command imports what it needs when it is called, so that ``besom --help`` answers at once.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from besom import __version__
from besom.app.command import (
    CommandError,
    hydra_arguments,
    overview,
    reading_parser,
    whole_number,
)
from besom.cli.completion import completion
from besom.cli.init import init
from besom.cli.logs import logs
from besom.common.errors import UserError
from besom.common.files import check_working_folder
from besom.common.interpreter import raise_at_interrupt
from besom.common.stdout import complain, print_data, read_or_not, stopped, warnings_no_errors
from besom.common.suggest import did_you_mean, listed
from besom.tracking import schema

HELP = """\
Besom: asynchronous, pruned, resumable hyperparameter sweeps inside plain Hydra.

  besom train [KEY=VALUE ...]         train once, and record it; any Hydra argument
  besom sweep                         list the sweeps
  besom sweep NAME [KEY=VALUE ...]    run sweeps/NAME.yaml, or what remains of it
  besom compare STUDY|RUN_ID ...      runs side by side: what differs, what came of it
  besom confirm STUDY                 the best against the baseline, on fresh seeds
  besom report STUDY                  what it has taught, as one HTML file
  besom logs STUDY TRIAL              what a trial has logged and printed
  besom export STUDY                  its winner as conf/experiment/STUDY.yaml
  besom reproduce RUN_ID|baseline|best
                                      train it again: do the numbers agree?
  besom predict RUN_ID|STUDY "text" ...
                                      which class a text is of, and how likely
  besom sync                          deliver what MLflow could not take at the time
  besom init NAME [--keras]           a Hydra application of your own in a new folder
  besom ui [STUDY] [--port N]         its trials in MLflow, sorted; --optuna: dashboard

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
        # Surrogates stand for bytes of another encoding; the NUL comes from Python alone.
        if word.encode("utf-8", "ignore").decode() != word or "\0" in word:
            raise CommandError(f"`{word}` is no text in UTF-8; write or rename it so")
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
    """Hand everything to the Hydra application."""
    from besom.rnn.__main__ import main as application

    raise_at_interrupt()
    return application(words)


def sweep(words: list[str]) -> int:
    """Hand everything to the Hydra application, as a multirun of the named sweep."""
    if not words or words[0] in ("-h", "--help"):
        print(overview(), end="")
        return 0
    return train(hydra_arguments(words))


def ui(words: list[str]) -> int:
    """Serve MLflow's pages, or Optuna's dashboard."""
    from besom.cli.ui import ui as browse

    return browse(words)


def compare(words: list[str]) -> int:
    """Show studies and runs side by side."""
    parser = reading_parser("compare", "Show studies and runs side by side, the best first.")
    parser.add_argument("names", nargs="+", metavar="STUDY|RUN_ID")
    parser.add_argument("--sort", metavar="COLUMN", help="-COLUMN: largest first (--sort=-loss)")
    parser.add_argument("--top", type=whole_number, default=20, metavar="N", help="default: 20")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--csv", action="store_true", help="all rows, under dotted names")
    form.add_argument("--json", action="store_true", help="the same as a list of objects")
    options = parser.parse_args(words)

    from besom.results import compare as comparing

    comparison = comparing.compare(options.root, options.tracking_uri, options.names, options.sort)
    if options.csv:
        print_data(comparing.as_csv(comparison))
    elif options.json:
        print_data(comparing.as_json(comparison))
    else:
        comparing.show(comparison, options.top)
    for sentence in comparison.missing_runs:
        print(sentence, file=sys.stderr)
    return 0


def confirm(words: list[str]) -> int:
    """Train the baseline and the best again on fresh seeds, and give the verdict."""
    parser = reading_parser(
        "confirm", "Train the baseline and the best trials again on fresh seeds; which is better?"
    )
    parser.add_argument("study", metavar="STUDY")
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="instead of the sweep's")
    for flag in ("--top-k", "--seeds", "--workers"):
        parser.add_argument(flag, type=whole_number, metavar="N", help="default: the sweep's")
    options = parser.parse_intermixed_args(words)  # overrides may stand before and after flags
    if wrong := [word for word in options.overrides if "=" not in word]:
        raise CommandError(f"`{wrong[0]}` is no KEY=VALUE; besom confirm takes one study")

    from besom.results.confirm import sweep_words

    record = (options.root, options.tracking_uri, options.study)
    numbers = (options.top_k, options.seeds, options.workers)
    words = sweep_words(*record, *numbers, options.overrides)
    from besom.sweep.confirmation.only import confirm_only

    with confirm_only():
        return sweep(words)


def reproduce(words: list[str]) -> int:
    """Train again as a record says; exit code 1 where the numbers differ."""
    parser = reading_parser(
        "reproduce", "Run a recorded trial again, and say whether the numbers agree."
    )
    parser.add_argument("what", metavar="RUN_ID|baseline|best")
    parser.add_argument("--study", help="of the baseline or the best; default: the latest")
    parser.add_argument("--code", action="store_true", help="only say how to get its code")
    options = parser.parse_args(words)

    from besom.results import reproduce as again
    from besom.tracking.reader import open_reader

    reader = open_reader(options.root, options.tracking_uri)
    trial = again.find(reader, options.what, options.study)
    if options.code:
        again.show_code(reader, trial)
        return 0
    found = again.reproduce(reader, trial)
    again.show(found)
    return 0 if found.agrees else 1


def predict(words: list[str]) -> int:
    """Ask a model about texts."""
    parser = reading_parser(
        "predict",
        "Which class a text is of, and how likely; of a film review, how likely it is praise.",
    )
    parser.add_argument("model", metavar="RUN_ID|STUDY|models:/NAME@ALIAS")
    parser.add_argument("texts", nargs="*", metavar="TEXT")
    parser.add_argument("--file", type=Path, help="a file with one text a line")
    parser.add_argument("--json", action="store_true", help="a list of objects")
    options = parser.parse_intermixed_args(words)  # texts may stand before and after flags
    if bool(options.texts) == bool(options.file):
        raise CommandError("give texts, or --file with one a line; not both")

    from besom.results import predict as asking

    texts = asking.read_file(options.file) if options.file else options.texts
    predictions = asking.predict(options.root, options.tracking_uri, options.model, texts)
    if options.json:
        print_data(asking.as_json(predictions))
    else:
        asking.show(predictions)
    return 0


def report(words: list[str]) -> int:
    """Write what a study has taught as one HTML file."""
    parser = reading_parser("report", "Write what a study has taught as one HTML file.")
    parser.add_argument("study", metavar="STUDY")
    parser.add_argument("--output", type=Path, metavar="FILE", help="default: STUDY-report.html")
    options = parser.parse_args(words)

    from besom.results.report.page import write_report
    from besom.tracking.address import own_address
    from besom.tracking.reader import open_reader

    reader = open_reader(options.root, options.tracking_uri)
    file = options.output or Path(f"{options.study}-report.html")
    study = write_report(reader, options.study, file)
    print(f"open it in a browser:  {file}")  # it is there, also where MLflow takes no copy
    if study.missing_runs:
        print(study.missing_runs, file=sys.stderr)

    from besom.tracking.runs import log_artifact

    uri = options.tracking_uri or own_address(options.root)
    if log_artifact(uri, study.parent.run_id, schema.REPORT_FILE, file):
        return 0
    print("the record cannot be written, so it has no copy of it", file=sys.stderr)
    return 0


def export(words: list[str]) -> int:
    """Write a study's winner as a configuration to train with."""
    parser = reading_parser("export", "Write a study's winner as conf/experiment/NAME.yaml.")
    parser.add_argument("study", metavar="STUDY")
    parser.add_argument("--name", help="of the file; default: the study's")
    parser.add_argument("--force", action="store_true", help="overwrite a file of that name")
    options = parser.parse_args(words)

    from besom.results import export as exporting

    record = (options.root, options.tracking_uri, options.study)
    exporting.show(exporting.export(*record, options.name, options.force))
    return 0


def sync(words: list[str]) -> int:
    """Deliver what was kept on disk while MLflow was away."""
    parser = reading_parser("sync", "Deliver what MLflow could not take at the time.")
    options = parser.parse_args(words)

    from besom.tracking.outbox import sync as syncing

    done = syncing.sync(options.root, options.tracking_uri)
    print(f"{done.delivered} runs delivered" if done.delivered else "nothing was waiting")
    if done.left:
        print(f"{done.left} wait for their sweep, or for another address: give its command again")
    if done.refused:
        print(f"{done.refused} are of runs that MLflow has no more: restore them, then sync again")
    return 0


COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "train": train,
    "sweep": sweep,
    "compare": compare,
    "confirm": confirm,
    "report": report,
    "export": export,
    "init": init,
    "logs": logs,
    "predict": predict,
    "reproduce": reproduce,
    "sync": sync,
    "ui": ui,
}
