"""Runs a PostgreSQL server for a test, from Debian's packages."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.servers import free_port

INSTALLED = Path("/usr/lib/postgresql")
OWNER = "postgres"
"""The user that runs the server if the test is root, as which PostgreSQL refuses to run."""
SPEED = {"fsync": "off", "full_page_writes": "off"}


class Postgres:
    """A server on 127.0.0.1 that requires a password and keeps its data in ``folder``."""

    USER = "besom"
    PASSWORD = "secret-word"  # pragma: allowlist secret

    def __init__(self, folder: Path, programs: Path) -> None:
        self._folder = folder
        self._programs = programs
        self._port = free_port()
        self._user = OWNER if os.geteuid() == 0 else None
        (folder / "password").write_text(f"{self.PASSWORD}\n")
        if self._user:
            for path in (folder, folder / "password"):
                shutil.chown(path, self._user, self._user)
        self._run("initdb", "--username", self.USER, "--pwfile", str(folder / "password"),
                  "--auth", "scram-sha-256", "--no-sync")  # fmt: skip
        settings = {"listen_addresses": "127.0.0.1", "port": self._port, **SPEED}
        settings["unix_socket_directories"] = str(folder)
        with (folder / "data" / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())

    def start(self) -> None:
        self._control("start")

    def stop(self, how: str = "immediate") -> None:
        """Stop the server: ``fast`` closes its connections, ``immediate`` is like a crash."""
        self._control("stop", "--mode", how)

    def restart(self, how: str) -> None:
        self._control("restart", "--mode", how)

    def address(self, database: str) -> str:
        """Return the address of a database, with the password."""
        return f"postgresql://{self.USER}:{self.PASSWORD}@127.0.0.1:{self._port}/{database}"

    def make(self, database: str) -> str:
        """Create an empty database; return its address."""
        self.execute(self.address("postgres"), f'CREATE DATABASE "{database}"')
        return self.address(database)

    def execute(self, address: str, command: str) -> None:
        """Run an SQL command outside a transaction."""
        subprocess.run(
            [str(self._programs / "psql"), "--quiet", "--no-psqlrc", "--command", command, address],
            check=True,
        )

    def _control(self, *words: str) -> None:
        self._run("pg_ctl", *words, "--wait", "--log", str(self._folder / "server.log"))

    def _run(self, program: str, *words: str) -> None:
        subprocess.run(
            [str(self._programs / program), "--pgdata", str(self._folder / "data"), *words],
            user=self._user,
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            check=True,
        )


@contextmanager
def running() -> Iterator[Postgres]:
    """Yield a running server. Skip the test if PostgreSQL is missing or has no user to run as."""
    programs = [path.parent for path in INSTALLED.glob("*/bin/initdb")]
    if not programs:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    if os.geteuid() == 0 and OWNER not in (entry.pw_name for entry in pwd.getpwall()):
        pytest.skip(f"there is no user {OWNER}, and PostgreSQL does not run as root")
    # Not below pytest's folders: only their owner can read them.
    with tempfile.TemporaryDirectory(prefix="besom-postgres-") as folder:
        server = Postgres(Path(folder), max(programs))
        server.start()
        try:
            yield server
        finally:
            server.stop()
