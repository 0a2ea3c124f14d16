"""Sends the events of a sweep by e-mail."""

import smtplib
import ssl
from collections.abc import Sequence
from email.message import EmailMessage

from besom.common.errors import ConfigError, StoreError
from besom.common.suggest import did_you_mean
from besom.sweep.callbacks.notification import EVENTS, Notification, Row
from besom.sweep.callbacks.secrets import read_secret

PORTS = {"starttls": 587, "tls": 465, "none": 25}
"""The port at which servers listen, by ``security``."""
OWN_HOSTS = ("localhost", "127.0.0.1", "::1")


class Email(Notification):
    """Sends an e-mail at the end of a sweep, at its verdict, and for failed trials.

    It holds the study's name, the numbers of trials by state, the best trial's values and
    parameters, the verdict, and first lines of errors.

    Args:
        to: an address, or several.
        host: the SMTP server.
        port: of the server; if None, 587, 465 or 25, depending on ``security``.
        security: ``starttls``, ``tls`` from the first byte, or ``none``.
        user: the name to log in with.
        password_variable: the environment variable that holds the user's password.
        sender: the address that it comes from; if None, ``user`` if that is an address, else the
            first of ``to``.
        events: which of ``end``, ``verdict``, ``failed``.
        timeout: seconds that the server has for each answer.

    Raises:
        ConfigError: an address or an event is invalid, a variable is not set, or a password would
            cross the network in the clear.

    Examples:
        >>> mail = besom.Email("ann@example.org", host="smtp.example.org", events=["end"])
    """

    def __init__(
        self,
        to: str | Sequence[str],
        host: str,
        port: int | None = None,
        security: str = "starttls",
        user: str | None = None,
        password_variable: str | None = None,
        sender: str | None = None,
        events: Sequence[str] = EVENTS,
        timeout: float = 10.0,
    ) -> None:
        super().__init__(events, timeout)
        if security not in PORTS:
            hint = did_you_mean(str(security), PORTS, f"there are {', '.join(PORTS)}")
            raise ConfigError(f"security={security}: {hint}")
        if (user is None) != (password_variable is None):
            raise ConfigError("user: give user and password_variable together, or neither")
        if user is not None and security == "none" and host not in OWN_HOSTS:
            raise ConfigError(
                f"security=none: the password of {user} would cross the network in the clear; take "
                "starttls or tls"
            )
        self._to = [to] if isinstance(to, str) else list(to)
        is_named = user is not None and "@" in user
        self._sender = sender or (user if is_named and user else next(iter(self._to), ""))
        for address in (*self._to, self._sender):
            _check_address(address)
        self._host, self._port, self._security = host, port or PORTS[security], security
        self._user = user
        self._password = (
            read_secret("password_variable", password_variable) if password_variable else ""
        )

    def send(self, event: str, row: Row, subject: str, text: str) -> None:
        """Send an e-mail.

        Raises:
            StoreError: the server is not reached, or does not accept it.
        """
        message = EmailMessage()
        message["Subject"] = f"Besom: {subject}"
        message["From"], message["To"] = self._sender, ", ".join(self._to)
        message.set_content(f"{text}\n")
        try:
            with self._connect() as server:
                if self._user is not None:
                    server.login(self._user, self._password)
                server.send_message(message)
        except smtplib.SMTPAuthenticationError as error:
            refusal = f"{self._host} does not let {self._user} in: {error.smtp_code}"
            raise StoreError(refusal) from None
        except OSError as error:  # smtplib's errors are among them
            raise StoreError(f"{self._host}:{self._port} took no e-mail: {error}") from None

    def _connect(self) -> smtplib.SMTP:
        if self._security == "tls":
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(self._host, self._port, timeout=self._timeout, context=context)
        server = smtplib.SMTP(self._host, self._port, timeout=self._timeout)
        if self._security == "starttls":
            server.starttls(context=ssl.create_default_context())
        return server


def _check_address(address: str) -> None:
    name, _, domain = str(address).rpartition("@")
    if not name or not domain or not str(address).isprintable() or "," in str(address):
        raise ConfigError(f"to={address}: must be an e-mail address, such as ann@example.org")
