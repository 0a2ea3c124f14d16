"""Connections to a database on a server: it restarts, goes away, and serves other machines."""

import json
import logging
import os
import socket
import time
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy
from sqlalchemy import event

from besom.addresses import mask, reach
from besom.errors import StudyError

CONNECT_SECONDS = 5.0
WAIT_SECONDS = 60.0
"""How long a sweep waits for a database that it has already written to."""
RELEASE_SECONDS = 5.0
"""How long a server may take to notice that a supervisor was killed."""
RETRY_SECONDS = 0.3

# One, looked at before each use: see Lock.
_POOL = {"pool_pre_ping": True, "pool_size": 1, "max_overflow": 0}
# A machine that vanishes without a word is given up after a minute; by itself TCP waits for hours.
_KEEPALIVE = {
    "keepalives": 1,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,  # milliseconds
}
_LIBPQ = ("psycopg", "psycopg2")
OWNER = "owner"
"""The fact of a study that says which supervisor has it, or had it last."""

_logger = logging.getLogger(__name__)


class Gone(RuntimeError):
    """The database went away in the middle of a write, or has not come back."""


def engine_kwargs(storage: str) -> dict[str, Any]:
    """How SQLAlchemy is to connect to a database on a server; what the address and libpq's own
    variable say goes first."""
    url = sqlalchemy.engine.make_url(storage)
    limits: Mapping[str, int] = {}
    if url.get_dialect().driver in _LIBPQ:
        limits = {"connect_timeout": int(CONNECT_SECONDS), **_KEEPALIVE}
    said = {*url.query, *(["connect_timeout"] if "PGCONNECT_TIMEOUT" in os.environ else [])}
    return _POOL | {
        "connect_args": {name: limit for name, limit in limits.items() if name not in said}
    }


class Connections:
    """Renews what a restart of the database has broken; nothing is ever written twice.

    A connection that is found broken before its use is replaced, for which the database may take
    ``WAIT_SECONDS``: nothing is under way. One that breaks during a write leaves open whether that
    was kept. Optuna would write it once more, and so have a trial twice; here it is the end, as
    is a database that stays away: a new process reads what there is.

    Args:
        engine: has :func:`engine_kwargs`; what is connected already is given up.
        lock: taken by every connection before it is used.
    """

    def __init__(self, engine: sqlalchemy.Engine, storage: str, lock: "Lock | None") -> None:
        self._storage = storage
        self._lock = lock
        self._end: Exception | None = None
        engine.dispose()
        event.listen(engine, "do_connect", self._connect)
        event.listen(engine, "handle_error", self._broken)

    def _connect(
        self, dialect: Any, _record: Any, arguments: list[Any], options: dict[str, Any]
    ) -> Any:
        if self._end:
            raise self._end
        try:
            return self._patiently(dialect, arguments, options)
        except (Gone, StudyError) as error:
            self._end = error
            raise

    def _patiently(self, dialect: Any, arguments: list[Any], options: dict[str, Any]) -> Any:
        driver = dialect.loaded_dbapi
        deadline = time.monotonic() + WAIT_SECONDS
        is_told = False
        while True:
            try:
                reach(self._storage, CONNECT_SECONDS)
                return self._locked(dialect.connect(*arguments, **options))
            except (OSError, driver.OperationalError, driver.InterfaceError) as error:
                if time.monotonic() > deadline:
                    raise Gone(f"it has been away for {WAIT_SECONDS:.0f} s") from error
            if not is_told:
                address, seconds = mask(self._storage), f"{WAIT_SECONDS:.0f} s"
                _logger.warning("waiting up to %s for the database %s", seconds, address)
                is_told = True
            time.sleep(RETRY_SECONDS)

    def _locked(self, connection: Any) -> Any:
        if self._lock is not None:
            try:
                self._lock.take(connection)
            except BaseException:
                connection.close()  # it may have the lock already
                raise
        return connection

    def _broken(self, context: Any) -> None:
        # No SQLAlchemyError: those are what Optuna writes again after.
        if context.is_disconnect and not context.is_pre_ping and context.connection is not None:
            self._end = Gone("the connection broke during a write")
            raise self._end


class Lock:
    """One supervisor for a study of a PostgreSQL database, on whatever machine.

    The server keeps it for as long as the connection lives, and there is one connection: a sweep
    that can write has it. A database that restarts forgets it; the next connection takes it again,
    and sees whether another supervisor has come and gone: the study names its owner.
    """

    def __init__(self, study_id: int, study: str) -> None:
        self._study_id = study_id
        self._study = study
        self._name = f"process {os.getpid()} on {socket.gethostname()}"
        self._owner: str | None = None  # as the database has it; None before the first look

    def take(self, connection: Any) -> None:
        """Take it for a connection of the driver's.

        Raises:
            StudyError: another supervisor has it, of which process and machine are named; or has
                had it since it was taken before.
        """
        deadline = time.monotonic() + RELEASE_SECONDS
        while not _ask(connection, _TAKE, (self._study_id,))[0]:
            if time.monotonic() > deadline:
                holder = _ask(connection, _HOLDER, (self._study_id,))
                raise StudyError(
                    f"the study `{self._study}` is being swept already"
                    f"{f', by {holder[0]} since {holder[1]}' if holder else ''}.\n"
                    "Wait for it, end it, or give this one another name."
                )
            time.sleep(RETRY_SECONDS)
        _ask(connection, _INTRODUCE, (self._name[:_LONGEST_NAME],))
        self._look(connection)

    def now_owned_by(self, owner: str) -> None:
        """Expect this owner from now on: it has been written over the last one."""
        self._owner = json.dumps(owner)

    def _look(self, connection: Any) -> None:
        row = _ask(connection, _OWNED, (self._study_id, f"besom.{OWNER}"))
        owner = row[0] if row else ""
        if self._owner not in (None, owner):
            raise StudyError(
                f"the study `{self._study}` was taken over by another supervisor, or deleted, "
                "while the database was away.\nThe same command goes on from what there is."
            )
        self._owner = owner


_LONGEST_NAME = 63
# Databases may hold Optuna's tables in several schemas, each with studies of its own.
_PLACE = "hashtext('besom in ' || current_schema())"
_TAKE = f"SELECT pg_try_advisory_lock({_PLACE}, %s)"
_HOLDER = (
    "SELECT application_name, to_char(backend_start, 'YYYY-MM-DD HH24:MI:SS TZ') "
    "FROM pg_locks JOIN pg_stat_activity ON pg_stat_activity.pid = pg_locks.pid "
    "AND datid = database AND datname = current_database() "
    f"WHERE locktype = 'advisory' AND granted AND classid = {_PLACE}::oid AND objid = %s::oid"
)
# Among the facts that Optuna keeps with a study, as JSON.
_OWNED = "SELECT value_json FROM study_user_attributes WHERE study_id = %s AND key = %s"
# A machine that vanishes is noticed, and its lock let go of, within a minute instead of hours. And
# a server that is told to forget its last commits when it crashes must not do so with these: the
# sweep would go on with what it knows.
_INTRODUCE = (
    "SELECT set_config('application_name', %s, false), "
    "set_config('synchronous_commit', CASE current_setting('synchronous_commit') "
    "WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, false), "
    "set_config('tcp_keepalives_idle', '30', false), "
    "set_config('tcp_keepalives_interval', '10', false), "
    "set_config('tcp_keepalives_count', '3', false), "
    "set_config('tcp_user_timeout', '60000', false)"  # while an answer is under way
)


def _ask(connection: Any, query: str, values: Sequence[Any]) -> Any:
    """The first row of an answer, with nothing left open; None where there is none."""
    cursor = connection.cursor()
    cursor.execute(query, values)
    row = cursor.fetchone()
    cursor.close()
    connection.commit()
    return row
