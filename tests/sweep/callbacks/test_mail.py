"""E-mail, sent to a real SMTP server on this machine."""

import base64
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from typing import Any

import pytest

import besom
from besom.common.errors import ConfigError, StoreError

STUDY = besom.StudyEnded("wide", "finished", 18, 2, 1, 0, verdict="Trial 3 beats it – by much.")
FAILED = besom.TrialEnded(
    *("wide", 7, "confirmation", {}, "failed", {}), error="ValueError: no", seed=4
)


@dataclass
class Mailbox:
    """An SMTP server: its port, the mails and logins received, and the password it accepts."""

    port: int = 0
    mails: list[tuple[list[str], bytes]] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    password: str = ""


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    box = Mailbox()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            to: list[str] = []
            self._say("220 ready")
            while line := self.rfile.readline().decode().strip():
                verb = line.upper()
                if verb.startswith("EHLO"):
                    self._say("250-here", "250 AUTH PLAIN")
                elif verb.startswith("AUTH PLAIN"):
                    _, user, password = base64.b64decode(line.split()[2]).decode().split("\0")
                    box.logins.append(user)
                    self._say("235 in" if password == box.password else "535 not you")
                elif verb.startswith("RCPT TO"):
                    to.append(line.partition("<")[2].partition(">")[0])
                    self._say("250 ok")
                elif verb == "DATA":
                    self._say("354 go on")
                    lines = iter(self.rfile.readline, b".\r\n")
                    box.mails.append((to, b"".join(lines)))
                    self._say("250 taken")
                elif verb == "QUIT":
                    self._say("221 bye")
                    return
                else:
                    self._say("250 ok")

        def _say(self, *lines: str) -> None:
            self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        box.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield box
        server.shutdown()


def test_a_mail_says_what_a_webhook_would(mailbox: Mailbox) -> None:
    to = ["ann@example.org", "bob@example.org"]
    mail = besom.Email(to, "127.0.0.1", mailbox.port, security="none", sender="sweep@example.org")
    mail.on_trial_end(FAILED)
    mail.on_study_end(STUDY)
    (_, failed), (received_by, end) = mailbox.mails
    assert received_by == to
    message = message_from_bytes(end)
    assert message["Subject"] == "Besom: wide: sweep finished"
    assert (message["From"], message["To"]) == ("sweep@example.org", ", ".join(to))
    text = message.get_payload(decode=True)
    assert isinstance(text, bytes)
    assert text.decode().splitlines() == [
        "wide: sweep finished; 18 complete, 2 pruned, 1 failed, 0 left.",
        "Trial 3 beats it – by much.",
    ]
    assert "Besom: wide: confirmation of trial 7 on seed 4 failed" in failed.decode().replace(
        "\r\n ", " "
    )


def test_it_logs_in_with_a_password_out_of_the_environment(
    mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAIL_PASSWORD", "s3cret")
    mailbox.password = "s3cret"
    login = {"user": "ann@example.org", "password_variable": "MAIL_PASSWORD"}
    mail = besom.Email(
        "bob@example.org", "127.0.0.1", mailbox.port, security="none", events=["end"], **login
    )
    mail.on_trial_end(FAILED)
    mail.on_study_end(STUDY)
    assert mailbox.logins == ["ann@example.org"] and len(mailbox.mails) == 1
    assert message_from_bytes(mailbox.mails[0][1])["From"] == "ann@example.org"
    mailbox.password = "another"
    with pytest.raises(StoreError) as refusal:
        mail.on_study_end(STUDY)
    assert str(refusal.value) == "127.0.0.1 does not let ann@example.org in: 535"


def test_a_server_that_is_not_there_or_has_no_tls_is_named(mailbox: Mailbox) -> None:
    with pytest.raises(StoreError, match=r"^127.0.0.1:1 took no e-mail: .*refused"):
        besom.Email("a@x.org", "127.0.0.1", 1, security="none").on_study_end(STUDY)
    with pytest.raises(StoreError, match=r"took no e-mail: STARTTLS .*not supported"):
        besom.Email("a@x.org", "127.0.0.1", mailbox.port).on_study_end(STUDY)
    assert mailbox.mails == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"to": "ann"}, "to=ann: must be an e-mail address"),
        ({"to": []}, "must be an e-mail address"),
        ({"to": "a@x.org\nBcc: b@x.org"}, "must be an e-mail address"),
        ({"security": "startls"}, "security=startls: did you mean `starttls`?"),
        ({"user": "ann"}, "give user and password_variable together"),
        ({"user": "ann", "password_variable": "NOT_SET"}, "variable NOT_SET is not set"),
        ({"user": "ann", "password_variable": "X", "security": "none"}, "in the clear"),
        ({"events": ["fail"]}, "events=fail: did you mean `failed`?"),
    ],
)
def test_what_cannot_be_sent_is_refused(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        besom.Email(**{"to": "a@x.org", "host": "smtp.x.org"} | arguments)
    assert said in str(refusal.value)
