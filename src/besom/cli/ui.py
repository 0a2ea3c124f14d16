"""Implements ``besom ui``: MLflow's pages, opened at a study's trials, or Optuna's dashboard."""

import os
import sys
from argparse import ArgumentParser, Namespace
from functools import partial

from besom.app.command import Command, CommandError, reading_parser
from besom.common.addresses import OWN_HOST, mask, scheme_of

DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
"""Environment variables that show that a browser can be opened."""


def _parser() -> ArgumentParser:
    parser = reading_parser("ui", "Browse the recorded runs, the trials of a study first.")
    parser.add_argument("study", nargs="?", metavar="STUDY", help="default: the latest")
    parser.add_argument("--optuna", action="store_true", help="Optuna's dashboard, an extra")
    parser.add_argument("--port", type=int, help="default: 5000; with --optuna 8080")
    said = f"who may look; default: {OWN_HOST}, this machine"
    parser.add_argument("--host", default=OWN_HOST, help=said)
    parser.add_argument("--no-browser", action="store_true", help="open none, only print")
    return parser


def _ui(options: Namespace) -> int:
    """Serve MLflow's pages or Optuna's dashboard, or print the addresses on a running server."""
    from besom.cli.web_server import announce, serve
    from besom.results.pages import pages
    from besom.tracking.address import SERVERS, pages_of

    uri, opens = options.tracking_uri, not options.no_browser and _has_browser()
    if options.optuna and (options.study or uri):
        raise CommandError("besom ui --optuna shows all studies of --root; leave the rest away")
    find_pages = partial(pages, options.root, uri, options.study)
    if scheme_of(uri or "") in SERVERS:
        announce(pages_of(uri), find_pages(), opens)
        return 0
    default = 8080 if options.optuna else 5000
    port = default if options.port is None else options.port
    if not 0 < port < 2**16:
        raise CommandError(f"--port {port} is outside 1..65535; the default is {default}")
    if uri is None and not os.path.isdir(options.root):
        raise CommandError(f"--root {options.root}: no such folder; `besom train` records into it")
    if options.optuna:
        from besom.cli import dashboard

        dashboard.serve(root=options.root, port=port, host=options.host)
        return 0
    if scheme_of(uri or "sqlite://") != "sqlite":
        raise CommandError(
            f"--tracking-uri {mask(uri)}: besom ui shows a SQLite file or what a server shows; "
            "start one with `mlflow server --backend-store-uri URI`"
        )
    serve(options.root, port, options.host, uri, find_pages, opens)
    return 0


def _has_browser() -> bool:
    """Return whether a browser would open in its own window, not in this terminal."""
    return sys.platform == "darwin" or any(map(os.environ.get, DISPLAYS))


UI = Command(_parser, _ui)
