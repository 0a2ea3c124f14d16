"""Resolves the addresses of tracking stores from the options, and checks that stores answer."""

import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

from besom.common.addresses import (
    mask,
    missing_driver,
    reach,
    scheme_of,
    sqlite_address,
    sqlite_file,
)
from besom.common.errors import StoreError
from besom.common.sqlite import is_read_only, readable_file
from besom.common.text import LONGEST_NAME

SERVERS = ("http", "https")
DATABASES = ("postgresql", "mysql", "mssql")
SECONDS = 4.0
BUSY_SECONDS = 30
SCHEMES = "sqlite:///…, postgresql://…, mysql://…, mssql://…, http://… or https://…"


def own_address(root: Path) -> str:
    """Return the address of the record below ``root``, used unless another one is given."""
    return sqlite_address(root.absolute() / "mlflow.db")


def sqlite_path(uri: str) -> Path | None:
    """Return the file of a SQLite address, ``None`` for any other address."""
    if scheme_of(uri) != "sqlite":
        return None
    return sqlite_file(uri).absolute()


def readable(uri: str) -> str:
    """Return an address at which the record at ``uri`` can be read.

    This is ``uri`` itself, or for a SQLite file that cannot be written the address of a copy.

    Raises:
        StoreError: the file cannot be read, or there is no room for a copy.
    """
    path = sqlite_path(uri)
    if path is None or not is_read_only(path):
        return uri
    return sqlite_address(readable_file(path))


def pages_of(server: str) -> str:
    """Return the address of a server's pages, without a password: the browser asks for it."""
    parts = urlsplit(server.rstrip("/"))
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()


def with_timeout(uri: str) -> str:
    """Return a SQLite address with a timeout: connections wait while the database is locked."""
    if scheme_of(uri) != "sqlite" or "timeout=" in uri:
        return uri
    return f"{uri}{'&' if '?' in uri else '?'}timeout={BUSY_SECONDS}"


def file_path(uri: str) -> Path | None:
    """Return the path of a ``file://`` address or plain path, ``None`` for any other address."""
    parts = urlsplit(uri)
    return Path(unquote(parts.path)) if parts.scheme in ("", "file") else None


def check_address(uri: str) -> None:
    """Check that a store can be reached, within seconds: MLflow would retry for minutes.

    Raises:
        StoreError: the scheme is unknown or the host does not answer.
    """
    check_written(uri)
    scheme = scheme_of(uri)
    if scheme in SERVERS:
        _check_server(uri)
    elif scheme in DATABASES:
        _check_database(uri)


def check_written(uri: str) -> None:
    """Check what :func:`check_address` checks, as far as that needs no connection.

    Raises:
        StoreError: the scheme is unknown, or the file cannot be a SQLite database.
    """
    scheme = scheme_of(uri)
    if scheme == "sqlite":
        _check_file(uri)
    elif scheme not in (*SERVERS, *DATABASES):
        raise StoreError(
            f"tracking.uri={mask(uri)} is not an address that Besom knows.\nUse {SCHEMES}."
        )


def _check_file(uri: str) -> None:
    path = sqlite_path(uri)
    if path is None or path == Path.cwd() or os.path.isdir(path):
        raise StoreError(
            f"tracking.uri={mask(uri)} names no file.\nWrite sqlite:///path/to/mlflow.db."
        )
    if any(len(os.fsencode(part)) > LONGEST_NAME for part in path.parts):
        raise StoreError(
            f"tracking.uri={mask(uri)}: a name of over {LONGEST_NAME} bytes cannot be written.\n"
            "Take shorter names."
        )
    if os.path.exists(path) and not _is_sqlite(path):
        raise StoreError(f"{path} is not a SQLite database.\nName another file in tracking.uri.")


def _is_sqlite(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(16) in (b"", b"SQLite format 3\0")
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}.") from error


def _check_database(uri: str) -> None:
    try:
        reach(uri, SECONDS)
    except OSError as error:
        raise _unreachable(uri, error) from error
    except ValueError as error:
        raise StoreError(
            f"tracking.uri={mask(uri)} cannot be used: {error}.\n"
            "Write characters such as / and @ in a password as %2F and %40."
        ) from error
    _check_login(uri)


def _check_login(uri: str) -> None:
    """Log in once; MLflow would try a wrong password ten times, over a hundred seconds."""
    from sqlalchemy import create_engine
    from sqlalchemy.exc import SQLAlchemyError
    from sqlalchemy.pool import NullPool

    try:
        create_engine(uri, poolclass=NullPool).connect().close()
    except (ImportError, SQLAlchemyError) as error:
        said = f"tracking.uri={mask(uri)} cannot be used: {mask(str(error)).splitlines()[0]}"
        hint = missing_driver(error)
        raise StoreError(f"{said}.\n{hint}" if hint else said) from error


def _check_server(uri: str) -> None:
    import requests

    try:
        answer = requests.get(f"{uri.rstrip('/')}/health", timeout=(SECONDS / 2, SECONDS / 2))
    except (requests.RequestException, ValueError) as error:
        raise _unreachable(uri, error) from error
    if answer.status_code in (401, 403):
        raise StoreError(
            f"tracking.uri={mask(uri)} refuses access (HTTP {answer.status_code}).\n"
            "Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN."
        )


def _unreachable(uri: str, error: Exception) -> StoreError:
    return StoreError(
        f"tracking.uri={mask(uri)} cannot be reached within {SECONDS:.0f} s "
        f"({type(error).__name__}).\nStart the server or mend the address; "
        "without tracking.uri the record is kept in a local file."
    )
