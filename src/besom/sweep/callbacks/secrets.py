"""Reads secrets of callbacks from the environment, never from a configuration."""

import os
import re
from urllib.parse import urlsplit

from besom.common.errors import ConfigError

_RANDOM = re.compile(r"(?=[^/]*\d)(?=[^/]*[A-Za-z])[\w-]{16,}")
"""A part of a path that looks random, such as the key in Slack's and Discord's addresses."""


def read_secret(keyword: str, variable: str) -> str:
    """Return the value of an environment variable.

    Raises:
        ConfigError: it is not set, or empty.
    """
    secret = os.environ.get(variable, "")
    if not secret:
        raise ConfigError(f"{keyword}={variable}: the environment variable {variable} is not set")
    return secret


def read_url(url: str | None, variable: str | None) -> str:
    """Return the address of a web server; one with a secret must come from a variable.

    Raises:
        ConfigError: neither or both are given, the address is invalid, or ``url`` seems to hold a
            secret; then no part of it is shown.
    """
    if (url is None) == (variable is None):
        raise ConfigError("url: give either url, or url_variable, the variable that holds it")
    if url is not None and _has_secret(str(url)):
        raise ConfigError(
            "url: holds a password, a query or a key, which would stand in Hydra's files; put it "
            "into an\nenvironment variable, and name that: url_variable: MY_WEBHOOK"
        )
    text = str(url) if variable is None else read_secret("url_variable", variable)
    if not _is_web(text):
        where = f"url={url}" if variable is None else f"url_variable={variable}"
        raise ConfigError(f"{where}: must begin with http:// or https://, and a host")
    return text


def _is_web(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return False


def _has_secret(url: str) -> bool:
    """Return whether an address seems to hold a secret; of any other text, all is checked."""
    if _is_web(url):
        parts = urlsplit(url)
        is_signed, path = bool(parts.query or parts.fragment or "@" in parts.netloc), parts.path
    else:
        is_signed, path = any(mark in url for mark in "?#@"), url
    return is_signed or any(_RANDOM.fullmatch(part) for part in path.split("/"))
