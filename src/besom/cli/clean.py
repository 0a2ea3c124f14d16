"""Implements ``besom clean``, which frees a study's disk space, or says how much can be freed."""

from argparse import ArgumentParser, Namespace

from besom.app.command import Command, reading_parser
from besom.common.terminal.commands import besom_command, command_lines, record_flags


def _parser() -> ArgumentParser:
    parser = reading_parser(
        "clean",
        "Delete models of beaten trials, checkpoints and logs of a study that has ended. "
        "besom reproduce RUN_ID --restore-model trains a model again.",
    )
    parser.add_argument("study", metavar="STUDY")
    parser.add_argument(
        "--keep",
        nargs="+",
        metavar="WORD",
        help="models that stay: all, best N or none; default: the sweep's keep_models, or best 3",
    )
    parser.add_argument("--dry-run", action="store_true", help="only say how much room it takes")
    return parser


def _clean(options: Namespace) -> int:
    """Delete what a study no longer needs, or print how much that is."""
    from besom.results.clean.clean import clean

    keep = " ".join(options.keep) if options.keep else None
    cleaned = clean(options.root, options.tracking_uri, options.study, keep, options.dry_run)
    flags = record_flags(str(options.root), options.tracking_uri)
    print("\n".join(cleaned.lines(options.study, flags)))
    if options.dry_run and any(number for _, number, _ in cleaned.rows):
        words = ["clean", options.study, *(["--keep", *options.keep] if options.keep else [])]
        print("", *command_lines({besom_command(*words, flags=flags): "deletes it"}), sep="\n")
    return 0


CLEAN = Command(_parser, _clean)
