"""Implements the commands that read a record: the parser and the action of each.

Each imports what it needs when it is called, so that ``besom --help`` answers at once.
"""

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from besom.app.command import Command, CommandError, reading_parser, whole_number
from besom.common.stdout import print_data
from besom.common.terminal.commands import record_flags
from besom.tracking import schema

if TYPE_CHECKING:
    from besom.results.reproduce import Reproduction


def _compare_parser() -> ArgumentParser:
    parser = reading_parser("compare", "Show studies and runs side by side, the best first.")
    parser.add_argument(
        "names", nargs="*", metavar="STUDY|RUN_ID", help="default: list the studies"
    )
    parser.add_argument("--sort", metavar="COLUMN", help="-COLUMN: largest first (--sort=-loss)")
    parser.add_argument("--top", type=whole_number, default=20, metavar="N", help="default: 20")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--csv", action="store_true", help="all rows, under dotted names")
    form.add_argument("--json", action="store_true", help="the same as a list of objects")
    return parser


def _compare(options: Namespace) -> int:
    """Show studies and runs side by side."""
    from besom.results import compare as comparing

    if not options.names:
        if options.csv or options.json or options.sort:
            raise CommandError("name a study or a run; `besom compare` lists the studies")
        comparing.show_studies(options.root, options.tracking_uri)
        return 0
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


def _reproduce_parser() -> ArgumentParser:
    parser = reading_parser(
        "reproduce", "Run a recorded trial again, and say whether the numbers agree."
    )
    parser.add_argument("what", metavar="RUN_ID|baseline|best")
    parser.add_argument("--study", help="of the baseline or the best; default: the latest")
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--code", action="store_true", help="only say how to get its code")
    only.add_argument(
        "--restore-model", action="store_true", help="put its model back where it was deleted"
    )
    return parser


def _reproduce(options: Namespace) -> int:
    """Train again as a record says; return exit code 1 where the numbers differ."""
    from besom.results import reproduce as again
    from besom.tracking.models.deleted import how_to_get_back
    from besom.tracking.reader import open_reader

    reader = open_reader(options.root, options.tracking_uri)
    trial = again.find(reader, options.what, options.study)
    if options.code:
        again.show_code(reader, trial)
        return 0
    with TemporaryDirectory(prefix="besom-") as folder:
        found = again.reproduce(reader, trial, Path(folder) if options.restore_model else None)
        again.show(found)
        if options.restore_model:
            print(f"  {_restore_model(options, found)}")
        elif gone := how_to_get_back(trial.run.run_id, trial.run.tags, _flags(options)):
            print("".join(f"  {line}\n" for line in gone.splitlines()), end="")
    return 0 if found.agrees else 1


def _restore_model(options: Namespace, found: "Reproduction") -> str:
    """Put a run's deleted model back, and return the outcome in a line."""
    from besom.tracking.address import own_address
    from besom.tracking.models.deleted import put_back

    if not found.agrees:
        return "its numbers differ from the record's, so its model is not put back"
    if found.model is None:
        return "it was stopped before it had a model, so none is put back"
    run_id = found.trial.run.run_id
    put_back(options.tracking_uri or own_address(options.root), run_id, found.model)
    return f'its model is back:  besom predict {run_id} "…"{_flags(options)}'


def _flags(options: Namespace) -> str:
    return record_flags(str(options.root), options.tracking_uri)


def _predict_parser() -> ArgumentParser:
    parser = reading_parser(
        "predict",
        "Which class a text is of, and how likely.",
    )
    parser.add_argument("model", metavar="RUN_ID|STUDY|models:/NAME@ALIAS")
    parser.add_argument("texts", nargs="*", metavar="TEXT")
    parser.add_argument("--file", type=Path, help="a file with one text a line")
    parser.add_argument("--json", action="store_true", help="a list of objects")
    return parser


def _predict(options: Namespace) -> int:
    """Print a model's predictions for texts."""
    if not options.texts and not options.file:
        raise CommandError("give texts, each in quotes, or --file with one a line")
    if options.texts and options.file:
        raise CommandError("give texts, or --file with one a line; not both")

    from besom.results import predict as asking

    texts = asking.read_file(options.file) if options.file else options.texts
    place = options.root, options.tracking_uri
    predictions = asking.predict(*place, options.model, texts, options.file)
    if options.json:
        print_data(asking.as_json(predictions))
    else:
        asking.show(predictions)
    return 0


def _report_parser() -> ArgumentParser:
    parser = reading_parser("report", "Write what a study has taught as one HTML file.")
    parser.add_argument("study", metavar="STUDY")
    parser.add_argument("--output", type=Path, metavar="FILE", help="default: STUDY-report.html")
    return parser


def _report(options: Namespace) -> int:
    """Write the report of a study as one HTML file."""
    from besom.results.report.page import write_report
    from besom.tracking.address import own_address
    from besom.tracking.reader import open_reader

    reader = open_reader(options.root, options.tracking_uri)
    file = options.output or Path(f"{options.study}-report.html")
    study = write_report(reader, options.study, file)
    print(f"open it in a browser:  {file}")  # also where MLflow takes no copy
    if study.missing_runs:
        print(study.missing_runs, file=sys.stderr)

    from besom.tracking.runs import log_artifact

    uri = options.tracking_uri or own_address(options.root)
    if log_artifact(uri, study.parent.run_id, schema.REPORT_FILE, file):
        return 0
    print("the record cannot be written, so it has no copy of it", file=sys.stderr)
    return 0


def _export_parser() -> ArgumentParser:
    parser = reading_parser("export", "Write a study's winner as conf/experiment/NAME.yaml.")
    parser.add_argument("study", metavar="STUDY")
    parser.add_argument("--name", help="of the file; default: the study's")
    parser.add_argument("--force", action="store_true", help="overwrite a file of that name")
    return parser


def _export(options: Namespace) -> int:
    """Write a study's winner as a configuration file for training."""
    from besom.results import export as exporting

    record = (options.root, options.tracking_uri, options.study)
    exporting.show(exporting.export(*record, options.name, options.force))
    return 0


def _sync_parser() -> ArgumentParser:
    return reading_parser("sync", "Deliver what MLflow could not take at the time.")


def _sync(options: Namespace) -> int:
    """Deliver what was kept on disk while MLflow was away."""
    from besom.tracking.outbox import sync as syncing

    done = syncing.sync(options.root, options.tracking_uri)
    print("\n".join(done.lines()))
    return 0


COMPARE = Command(_compare_parser, _compare)
REPRODUCE = Command(_reproduce_parser, _reproduce)
PREDICT = Command(_predict_parser, _predict, is_intermixed=True)
REPORT = Command(_report_parser, _report)
EXPORT = Command(_export_parser, _export)
SYNC = Command(_sync_parser, _sync)
