"""Implements ``besom logs``, which prints the log and the output of a trial."""

from argparse import ArgumentParser, Namespace

from besom.app.command import Command, reading_parser
from besom.common.stdout import print_data
from besom.common.terminal.commands import record_flags
from besom.common.text import printable


def _parser() -> ArgumentParser:
    parser = reading_parser("logs", "Show what the last attempt at a trial has logged and printed.")
    parser.add_argument("study", metavar="STUDY")
    parser.add_argument("trial", type=int, metavar="TRIAL", help="its number")
    parser.add_argument("--seed", type=int, help="its confirmation on that seed instead")
    return parser


def _logs(options: Namespace) -> int:
    """Print the logs of the last attempt at a trial."""
    from besom.results.logs import read_logs
    from besom.tracking.models.deleted import how_to_get_back
    from besom.tracking.reader import open_reader

    reader = open_reader(options.root, options.tracking_uri)
    found = read_logs(reader, options.study, options.trial, options.seed)
    print(printable(found.sentence))
    flags = record_flags(str(options.root), options.tracking_uri)
    if gone := how_to_get_back(found.run_id, found.tags, flags):
        print(gone)
    if found.elsewhere:
        print(printable(found.elsewhere))
    for log in found.logs:
        print(f"\n==> {printable(log.title)} <==")
        print_data(log.text if log.text.endswith("\n") else f"{log.text}\n")
    if not found.logs and not found.elsewhere:
        print("It has logged and printed nothing.")
    return 0


LOGS = Command(_parser, _logs)
