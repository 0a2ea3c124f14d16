"""Reads addresses of databases and servers, masks their passwords, and tests for an answer."""

import re
import socket
from functools import cache
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

PORTS = {"postgresql": 5432, "mysql": 3306, "mariadb": 3306, "mssql": 1433}
OWN_HOST = "127.0.0.1"
"""The address at which a machine reaches itself, and no other machine reaches it."""
HIDDEN = "***"
"""The text that replaces a password."""

_TO_LAST_AT = re.compile(r"(?<!\S)\S+@")
# The patterns allow the backslashes that Hydra's grammar and JSON put before ``:`` and ``=``.
# A user name may hold an ``@``, as at Azure, and a password any character: it ends at the word's
# last ``@``, or before another address. Hiding a host is better than showing half a password.
_NEXT_ADDRESS = r"[,;=&|'\"(\[{]\\*\w[\w+.-]*\\*://"
_IN_AUTHORITY = re.compile(rf"(\w\\*://[^\s:/]*):(?:(?:(?!{_NEXT_ADDRESS})\S)+|\S+)@")
# As in ``postgresql:///x?user=ann&password=…``. A query ends at white space; a quote or bracket
# that closes the text around it is not part of it.
_IN_QUERY = re.compile(
    r"([?&][\w.-]*(?:passw|pwd|passphrase|secret|token|api_?key|access_?key|credential|odbc_connect)"
    r"[\w.-]*\\*=)[^&\s]*[^&\s'\"`)\]},.;:]",
    re.IGNORECASE,
)


def mask(text: str) -> str:
    """Hide every password in the addresses of ``text``.

    It may stand before the host, with any characters, or in the query, under any usual name.
    """
    # Word by word: in a long text, a search from each address to the end would take minutes.
    text = _TO_LAST_AT.sub(lambda word: _IN_AUTHORITY.sub(rf"\1:{HIDDEN}@", word[0]), text)
    return _IN_QUERY.sub(rf"\1{HIDDEN}", text)


def scheme_of(address: str) -> str:
    """Return ``postgresql`` for ``postgresql+psycopg2://…``; empty where there is no scheme."""
    return address.partition("://")[0].partition("+")[0].lower() if "://" in address else ""


@cache
def _is_escaped() -> bool:
    """Return whether SQLAlchemy reads ``%20`` in a SQLite address as a space: from 2.1 on."""
    from importlib.metadata import version  # at the top, 10 ms at each start of a Hydra application

    return tuple(map(int, version("sqlalchemy").split(".")[:2])) >= (2, 1)


def sqlite_address(path: Path) -> str:
    """Return the address of a SQLite file, as SQLAlchemy reads it."""
    return "sqlite:///" + (
        re.sub("[%?]", lambda c: quote(c[0]), str(path)) if _is_escaped() else str(path)
    )


def sqlite_file(address: str) -> Path:
    """Return the file that a SQLite address names; a relative path stays relative."""
    name = address.partition(":///")[2].partition("?")[0]
    return Path(unquote(name) if _is_escaped() else name)


def reach(address: str, seconds: float) -> None:
    """Check that a server listens at the host and port of a database's address.

    Addresses without a host, or without a known port, are not checked.

    Raises:
        OSError: no server answers within ``seconds``.
        ValueError: the address cannot be read. The message holds no part of it.
    """
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port or PORTS.get(scheme_of(address))
    except ValueError:
        raise ValueError("its host or port cannot be read") from None
    if host and port:
        socket.create_connection((host, port), seconds).close()


def missing_driver(error: BaseException) -> str:
    """Return what to install where a database's driver is missing; empty for another error."""
    cause = error.__cause__ if isinstance(error.__cause__, ImportError) else error
    name = cause.name if isinstance(cause, ImportError) else None
    if name == "psycopg":
        return "Install its driver: pip install '.[postgresql]' in Besom's folder"
    if name == "psycopg2":
        return "Write postgresql+psycopg://…, and: pip install '.[postgresql]' in Besom's folder"
    return ""
