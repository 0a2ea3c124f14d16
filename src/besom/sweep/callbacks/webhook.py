"""Posts the events of a sweep to a web server."""

import base64
import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from besom.common.errors import StoreError
from besom.sweep.callbacks.notification import EVENTS, Notification, Row
from besom.sweep.callbacks.secrets import read_secret, read_url


class Webhook(Notification):
    """Posts JSON to a web server at the end of a sweep, at its verdict, and for failed trials.

    Each post is one object: ``event``, ``text`` for people (as Slack and Mattermost show it), and
    the fields of the row: :class:`StudyEnded`, :class:`VerdictReached` or :class:`TrialEnded`. It
    sends the study's name, trial numbers, searched values, metrics, run ids and first lines of
    errors; no source, no data, nothing else of the configuration.

    Args:
        url: the address, if it holds no secret.
        url_variable: the environment variable that holds the address, if it holds a secret.
        token_variable: the environment variable with a token, sent as ``Authorization: Bearer …``.
        events: which of ``end``, ``verdict``, ``failed``.
        text_key: the name of the field ``text``; ``content`` for Discord.
        timeout: seconds that the server has to answer.

    Raises:
        ConfigError: the address holds a secret, a variable is not set, or an event is unknown.

    Examples:
        >>> webhook = besom.Webhook("https://example.org/hooks/besom", events=["end", "verdict"])
    """

    def __init__(
        self,
        url: str | None = None,
        url_variable: str | None = None,
        token_variable: str | None = None,
        events: Sequence[str] = EVENTS,
        text_key: str = "text",
        timeout: float = 10.0,
    ) -> None:
        super().__init__(events, timeout)
        parts = urlsplit(read_url(url, url_variable))
        host = parts.netloc.rpartition("@")[2]
        self._host = host
        self._url = parts._replace(netloc=host).geturl()
        self._headers = {"Content-Type": "application/json", "User-Agent": "besom"}
        if parts.username is not None:
            user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            basic = base64.b64encode(user.encode()).decode()
            self._headers["Authorization"] = f"Basic {basic}"
        if token_variable is not None:
            token = read_secret("token_variable", token_variable)
            self._headers["Authorization"] = f"Bearer {token}"
        self._text_key = text_key
        self._opener = build_opener(_NoRedirect)

    def send(self, event: str, row: Row, subject: str, text: str) -> None:
        """Post an event.

        Raises:
            StoreError: the server is not reached, or does not accept it.
        """
        body = {**_plain(asdict(row)), "event": event, self._text_key: text}
        data = json.dumps(body, default=str).encode()
        request = Request(self._url, data, self._headers, method="POST")
        try:
            self._opener.open(request, timeout=self._timeout).close()
        except HTTPError as error:
            error.close()
            raise self._refused(f"answered {error.code} {error.reason}") from None
        except URLError as error:
            raise self._refused(f"is not reached: {error.reason}") from None
        except OSError as error:
            raise self._refused(f"is not reached: {error}") from None
        except (HTTPException, ValueError) as error:
            raise self._refused(f"is not reached: {type(error).__name__}") from None

    def _refused(self, reason: str) -> StoreError:
        return StoreError(f"{self._host} {reason}")


class _NoRedirect(HTTPRedirectHandler):
    """Follows no redirect: a token is only for the host that was named."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _plain(value: Any) -> Any:
    """Return a value for JSON, with null for numbers that JSON lacks: infinity and NaN."""
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
