"""Serves Optuna's dashboard for the studies of one root, read-only.

By itself, the dashboard could write notes and delete studies without a login, and its locks have
ended sweeps (optuna-dashboard issue 545). So its process opens the database read-only, and refuses
requests under a foreign host name.
"""

import sys
from collections.abc import Callable, Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import sqlalchemy

from besom.cli import web_server
from besom.cli.web_server import Server, allowed_hosts
from besom.common.addresses import OWN_HOST
from besom.common.errors import StoreError, UserError
from besom.common.sqlite import readable_file

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def serve(root: Path, port: int, host: str = OWN_HOST) -> None:
    """Serve the studies of ``root`` at an address of this machine until interrupted.

    Raises:
        StoreError: there is no study to serve.
        UserError: the dashboard is not installed, the port cannot be used, or the server does not
            start.
    """
    database = root.absolute() / "optuna.db"
    if not database.exists():
        raise StoreError(
            f"{root} holds no study yet: there is no {database.name}.\n"
            "Run `besom sweep NAME` first, or name the right folder with --root; `optuna-dashboard "
            "ADDRESS` shows what another hydra.sweeper.storage holds."
        )
    if find_spec("optuna_dashboard") is None:
        raise UserError(
            "Optuna's dashboard is not installed: pip install '.[dashboard]' in Besom's folder"
        )
    command = [sys.executable, "-m", __name__, str(readable_file(database)), str(port), host]
    dashboard = Server("Optuna's dashboard", command, port, "/dashboard", host=host)
    web_server.run_server(dashboard, root, "the studies")


def read_only(database: Path) -> str:
    """Return the address that opens a SQLite file read-only."""
    query = {"mode": "ro", "uri": "true"}
    address = sqlalchemy.URL.create("sqlite", database=database.as_uri(), query=query)
    return address.render_as_string()  # SQLAlchemy 2.1 quotes more than 2.0


def only_for(hosts: Sequence[str], application: Application) -> Application:
    """Wrap an application to answer only requests to one of ``hosts``, and others with 403."""

    def guarded(request: dict[str, Any], respond: Callable[..., Any]) -> Iterable[bytes]:
        if request.get("HTTP_HOST") in hosts:
            return application(request, respond)
        respond("403 Forbidden", [("Content-Type", "text/plain")])
        return [b"this name is not served\n"]

    return guarded


class _Threaded(ThreadingMixIn, WSGIServer):
    """A server with threads: a page sends many requests at once."""

    daemon_threads = True


class _Silent(WSGIRequestHandler):
    """A request handler that does not log every request."""

    def log_message(self, format: str, *args: Any) -> None:
        """Do nothing."""


def _answer(database: Path, port: int, host: str) -> None:
    from optuna.storages import RDBStorage
    from optuna.study._frozen import FrozenStudy
    from optuna_dashboard import wsgi

    from besom.search.storage.database import CONFIRMATIONS

    class Studies(RDBStorage):
        """A storage that does not list studies of confirmations: each is a part of another."""

        def get_all_studies(self) -> list[FrozenStudy]:
            found = super().get_all_studies()
            return [study for study in found if not study.study_name.endswith(CONFIRMATIONS)]

    storage = Studies(read_only(database), skip_compatibility_check=True)
    application = only_for(allowed_hosts(port, host), wsgi(storage))
    with make_server(host, port, application, _Threaded, _Silent) as server:
        server.serve_forever()


if __name__ == "__main__":
    _answer(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
