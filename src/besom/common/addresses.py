"""Addresses of databases and servers: shown without passwords, and probed for an answer."""

import re
import socket
from functools import cache
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

PORTS = {"postgresql": 5432, "mysql": 3306, "mariadb": 3306, "mssql": 1433}
OWN_HOST = "127.0.0.1"
"""Where a machine reaches itself, and no other reaches it."""
HIDDEN = "***"
"""What stands for a password."""

_TO_LAST_AT = re.compile(r"(?<!\S)\S+@")
# With the backslashes that Hydra's grammar and JSON put before ``:`` and ``=``.
# A user may hold an ``@``, as at Azure, and a password anything: it ends at the last ``@`` of the
# word, or before another address. Rather is a host too few shown than half a password.
_NEXT_ADDRESS = r"[,;=&|'\"(\[{]\\*\w[\w+.-]*\\*://"
_IN_AUTHORITY = re.compile(rf"(\w\\*://[^\s:/]*):(?:(?:(?!{_NEXT_ADDRESS})\S)+|\S+)@")
# Of ``postgresql:///x?user=ann&password=…``, say. A query ends at white space; what closes a quoted
# or bracketed text is none of it.
_IN_QUERY = re.compile(
    r"([?&][\w.-]*(?:passw|pwd|passphrase|secret|token|api_?key|access_?key|credential|odbc_connect)"
    r"[\w.-]*\\*=)[^&\s]*[^&\s'\"`)\]},.;:]",
    re.IGNORECASE,
)


def mask(text: str) -> str:
    """Hide every password in the addresses of ``text``: before the host, whatever it is made of,
    and in the query, under whatever name."""
    # Word by word: from each of a long text's addresses to its end would take minutes.
    text = _TO_LAST_AT.sub(lambda word: _IN_AUTHORITY.sub(rf"\1:{HIDDEN}@", word[0]), text)
    return _IN_QUERY.sub(rf"\1{HIDDEN}", text)


def scheme_of(address: str) -> str:
    """``postgresql`` for ``postgresql+psycopg2://…``; empty where there is none."""
    return address.partition("://")[0].partition("+")[0].lower() if "://" in address else ""


@cache
def _is_escaped() -> bool:
    """Whether SQLAlchemy reads ``%20`` in a SQLite address as a space, as it does from 2.1 on."""
    from importlib.metadata import version  # 10 ms, at every start of any Hydra application

    return tuple(map(int, version("sqlalchemy").split(".")[:2])) >= (2, 1)


def sqlite_address(path: Path) -> str:
    """The address of a SQLite file, as SQLAlchemy reads it."""
    return "sqlite:///" + (
        re.sub("[%?]", lambda c: quote(c[0]), str(path)) if _is_escaped() else str(path)
    )


def sqlite_file(address: str) -> Path:
    """The file that a SQLite address names; a relative one as it is."""
    name = address.partition(":///")[2].partition("?")[0]
    return Path(unquote(name) if _is_escaped() else name)


def reach(address: str, seconds: float) -> None:
    """Find out whether a server listens at the host and port of a database's address.

    Addresses without a host, or without a port that is known, are let alone.

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
    """What to install where that is why a database cannot be used; empty where it is not."""
    cause = error.__cause__ if isinstance(error.__cause__, ImportError) else error
    name = cause.name if isinstance(cause, ImportError) else None
    if name == "psycopg":
        return "Install its driver: pip install '.[postgresql]' in Besom's folder"
    if name == "psycopg2":
        return "Write postgresql+psycopg://…, and: pip install '.[postgresql]' in Besom's folder"
    return ""
