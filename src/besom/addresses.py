"""Addresses of databases and servers: what of them may be shown, and whether anybody answers."""

import re
import socket
from urllib.parse import urlsplit

PORTS = {"postgresql": 5432, "mysql": 3306, "mariadb": 3306, "mssql": 1433}


def mask(text: str) -> str:
    """Hide the password of every address in ``text``, one with a raw ``/`` or ``@`` too."""
    return re.sub(r"(\w://[^\s:/@]*):(?:[^\s/]+|[^\s@]+)@", r"\1:***@", text)


def scheme_of(address: str) -> str:
    """``postgresql`` for ``postgresql+psycopg2://…``; empty where there is none."""
    return address.partition("://")[0].partition("+")[0].lower() if "://" in address else ""


def reach(address: str, seconds: float) -> None:
    """Find out whether anybody listens at the host and port of a database's address.

    Addresses without a host, or without a port that is known, are let alone.

    Raises:
        OSError: nobody answers within ``seconds``.
        ValueError: the address cannot be read. The message holds no part of it.
    """
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port or PORTS.get(scheme_of(address))
    except ValueError:
        raise ValueError("its host or port cannot be read") from None
    if host and port:
        socket.create_connection((host, port), seconds).close()
