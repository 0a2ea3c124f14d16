"""Opens a sweep's only connection to a database server. It holds the study's lock, and writes."""

import os
import socket
import time
from collections.abc import Sequence
from typing import Any

import sqlalchemy
from optuna.storages import RDBStorage
from sqlalchemy import event

from besom.common.errors import StudyError

CONNECT_SECONDS = 5.0
RELEASE_SECONDS = 5.0
"""How long a server may take to notice that a supervisor was killed."""
RETRY_SECONDS = 0.3

# A server that stops answering is given up after a minute; by default TCP waits for hours.
_LIMITS = {
    "connect_timeout": int(CONNECT_SECONDS),
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,  # milliseconds
}
_LIBPQ = ("psycopg", "psycopg2")


class ConnectionLost(RuntimeError):
    """The connection has broken. The memory of this process may be ahead of the database."""


def open_server(storage: str) -> RDBStorage:
    """Return Optuna's storage on a server, limited to one connection.

    The tables are created and checked before, since Optuna needs two connections for that.
    """
    driver = sqlalchemy.engine.make_url(storage).get_dialect().driver
    connecting = {"connect_args": _LIMITS if driver in _LIBPQ else {}}
    RDBStorage(storage, engine_kwargs=connecting).engine.dispose()
    return RDBStorage(
        storage,
        engine_kwargs=connecting | {"pool_size": 1, "max_overflow": 0},
        skip_compatibility_check=True,
        skip_table_creation=True,
    )


def hold(database: RDBStorage, study: str, study_id: int) -> None:
    """Use only one connection from now on, which holds the study's lock (PostgreSQL).

    The server keeps the lock for as long as the connection lives, so only its holder can write. A
    broken connection is not replaced. Another supervisor may have the study by then, and Optuna
    would repeat a write that may have succeeded, and so add a trial twice.

    Raises, now or at any later use:
        StudyError: another supervisor has the study.
        ConnectionLost: the connection has broken.
    """
    held: list[Any] = []

    def connect(dialect: Any, _record: Any, arguments: list[Any], options: dict[str, Any]) -> Any:
        if held:
            raise ConnectionLost("the connection broke")
        connection = dialect.connect(*arguments, **options)
        if dialect.name == "postgresql":
            try:
                take(connection, study_id, study)
            except BaseException:
                connection.close()  # it may hold the lock already
                raise
        held.append(connection)
        return connection

    def broken(context: Any) -> None:
        # This is not an SQLAlchemyError, after which Optuna would repeat the write.
        if held and context.is_disconnect:
            raise ConnectionLost("the connection broke")

    database.engine.dispose()
    event.listen(database.engine, "do_connect", connect)
    event.listen(database.engine, "handle_error", broken)


def take(connection: Any, study_id: int, study: str) -> None:
    """Take a study's lock on a connection of the database driver.

    Raises:
        StudyError: another supervisor has it; names its process and machine.
    """
    deadline = time.monotonic() + RELEASE_SECONDS
    while not _ask(connection, _TAKE, (study_id,))[0]:
        if time.monotonic() > deadline:
            holder = _ask(connection, _HOLDER, (study_id,))
            raise StudyError(
                f"the study `{study}` is being swept already"
                f"{f', by {holder[0]} since {holder[1]}' if holder else ''}.\n"
                "Wait for it, end it, or give this one another name."
            )
        time.sleep(RETRY_SECONDS)
    name = f"process {os.getpid()} on {socket.gethostname()}"
    _ask(connection, _INTRODUCE, (name[:_LONGEST_NAME],))


_LONGEST_NAME = 63
# A database may have Optuna's tables in several schemas, each with its own studies.
_PLACE = "hashtext('besom in ' || current_schema())"
_TAKE = f"SELECT pg_try_advisory_lock({_PLACE}, %s)"
_HOLDER = (
    "SELECT application_name, to_char(backend_start, 'YYYY-MM-DD HH24:MI') "
    "FROM pg_locks JOIN pg_stat_activity ON pg_stat_activity.pid = pg_locks.pid "
    "AND datid = database AND datname = current_database() "
    f"WHERE locktype = 'advisory' AND granted AND classid = {_PLACE}::oid AND objid = %s::oid"
)
# The server notices a machine that has gone, and releases its lock, within a minute and not hours.
_INTRODUCE = (
    "SELECT set_config('application_name', %s, false), "
    "set_config('tcp_keepalives_idle', '30', false), "
    "set_config('tcp_keepalives_interval', '10', false), "
    "set_config('tcp_keepalives_count', '3', false), "
    "set_config('tcp_user_timeout', '60000', false)"  # applies while an answer is being sent
)


def _ask(connection: Any, query: str, values: Sequence[Any]) -> Any:
    """Return the first row of the answer to a query, or None; cursor and transaction are closed."""
    cursor = connection.cursor()
    cursor.execute(query, values)
    row = cursor.fetchone()
    cursor.close()
    connection.commit()
    return row
