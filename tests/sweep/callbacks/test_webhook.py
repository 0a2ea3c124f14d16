"""Webhooks, posted to a real web server on this machine."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import besom
from besom.common.errors import ConfigError, StoreError
from tests.sweep.apps import run

ENDED = besom.TrialEnded("wide", 3, "trial", {"units": 64}, "complete", {"loss": 0.5})
STUDY = besom.StudyEnded("wide", "finished", 18, 2, 1, 0, (ENDED,), "Trial 3 beats it.")
VERDICT = besom.VerdictReached(
    "wide", "loss", "minimize", 3, 0, True, "Trial 3 beats it.", (4, 5), {0: (1.0, 1.1)}
)
FAILED = besom.TrialEnded(
    *("wide", 7, "trial", {"x": [1, 2]}, "failed", {}, {"loss": float("nan")}),
    error="ValueError: no",
)


@dataclass
class Received:
    """The server's address, the posts it received, and how it answers."""

    address: str = ""
    posts: list[tuple[str, dict[str, str], dict[str, Any]]] = field(default_factory=list)
    answer: int = 200
    location: str = ""


@pytest.fixture
def server() -> Iterator[Received]:
    received = Received()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            received.posts.append((self.path, dict(self.headers), body))
            self.send_response(received.answer)
            if received.location:
                self.send_header("Location", received.location)
            self.end_headers()

        do_GET = do_POST

        def log_message(self, *_: Any) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    received.address = f"127.0.0.1:{listening.server_port}"
    threading.Thread(target=listening.serve_forever, args=(0.01,), daemon=True).start()
    yield received
    listening.shutdown()
    listening.server_close()


def test_each_event_is_one_post_of_its_row_and_a_text(server: Received) -> None:
    webhook = besom.Webhook(f"http://{server.address}/hook")
    webhook.on_trial_end(ENDED)  # not a failure, so not sent
    webhook.on_trial_end(FAILED)
    webhook.on_verdict(VERDICT)
    webhook.on_study_end(STUDY)
    failed, verdict, end = (body for _, _, body in server.posts)
    assert {path for path, _, _ in server.posts} == {"/hook"}
    assert failed["event"] == "failed" and failed["metrics"] == {"loss": None}
    assert failed["text"] == "wide: trial 7 failed: ValueError: no"
    assert verdict["event"] == "verdict" and verdict["values"] == {"0": [1.0, 1.1]}
    assert verdict["text"] == "wide: Trial 3 beats it."
    assert end["event"] == "end" and end["best"][0]["params"] == {"units": 64}
    assert end["text"].splitlines() == [
        "wide: sweep finished; 18 complete, 2 pruned, 1 failed, 0 left.",
        "Best: trial 3, loss 0.5  units=64",
        "Trial 3 beats it.",
    ]


def test_only_the_events_that_are_chosen_are_sent(server: Received) -> None:
    webhook = besom.Webhook(f"http://{server.address}", events="verdict", text_key="content")
    webhook.on_trial_end(FAILED)
    webhook.on_study_end(STUDY)
    assert server.posts == []
    webhook.on_verdict(VERDICT)
    assert server.posts[0][2]["content"] == "wide: Trial 3 beats it."


def test_secrets_come_out_of_the_environment(
    server: Received, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK", f"http://ann:p%40ss@{server.address}/T0/B0?key=s3cret")
    monkeypatch.setenv("TOKEN", "t0ken")
    besom.Webhook(url_variable="HOOK").on_study_end(STUDY)
    besom.Webhook(f"http://{server.address}/x", token_variable="TOKEN").on_study_end(STUDY)
    (path, with_user, _), (_, with_token, _) = server.posts
    assert path == "/T0/B0?key=s3cret"
    assert with_user["Authorization"] == "Basic YW5uOnBAc3M="  # ann:p@ss
    assert with_token["Authorization"] == "Bearer t0ken"


def test_a_refusal_names_the_host_and_no_secret(
    server: Received, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK", f"http://ann:s3cret@{server.address}/s3cret?s3cret")
    webhook = besom.Webhook(url_variable="HOOK")
    server.answer = 403
    with pytest.raises(StoreError, match=rf"^{server.address} answered 403 Forbidden$"):
        webhook.on_study_end(STUDY)
    monkeypatch.setenv("HOOK", "http://ann:s3cret@127.0.0.1:1/s3cret")
    with pytest.raises(StoreError, match=r"^127.0.0.1:1 is not reached: .*refused$"):
        besom.Webhook(url_variable="HOOK").on_study_end(STUDY)


def test_a_redirection_is_not_followed_with_the_token(
    server: Received, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "t0ken")
    server.answer, server.location = 302, f"http://{server.address}/elsewhere"
    with pytest.raises(StoreError, match="answered 302"):
        besom.Webhook(f"http://{server.address}/x", token_variable="TOKEN").on_study_end(STUDY)
    assert [path for path, _, _ in server.posts] == ["/x"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "give either url, or url_variable"),
        ({"url": "https://x.org", "url_variable": "X"}, "give either url, or url_variable"),
        ({"url": "https://ann:s3cret@x.org/"}, "name that: url_variable: MY_WEBHOOK"),
        ({"url": "https://x.org/hook?token=s3cret"}, "name that: url_variable"),
        ({"url": "https://hooks.x.org/services/T1/B2/s3cret4Xk9abcd7Qz"}, "name that"),
        ({"url": "ann:s3cret@x.org"}, "name that"),
        ({"url": "https://[x?token=s3cret"}, "name that"),
        ({"url": "https://[x/s3cret4Xk9abcd7Qz"}, "name that"),
        ({"url": "ftp://x.org"}, "url=ftp://x.org: must begin with http:// or https://"),
        ({"url": "https://[x"}, "must begin with"),
        ({"url": 3}, "url=3: must begin with"),
        ({"url_variable": "NOT_SET"}, "the environment variable NOT_SET is not set"),
        ({"url": "https://x.org", "token_variable": "NOT_SET"}, "token_variable=NOT_SET"),
        ({"url": "https://x.org", "events": ["ends"]}, "events=ends: did you mean `end`?"),
        ({"url": "https://x.org", "events": []}, "nothing would be sent"),
        ({"url": "https://x.org", "timeout": 0}, "timeout=0: must be above 0 seconds"),
    ],
)
def test_what_cannot_be_posted_to_is_refused(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        besom.Webhook(**arguments)
    assert said in str(refusal.value) and "s3cret" not in str(refusal.value)
    assert len(str(refusal.value).splitlines()) <= 2


def test_a_sweep_posts_and_keeps_no_secret(
    server: Received, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "s3cr3t-w0rd"
    monkeypatch.setenv("HOOK", f"http://ann:{secret}@{server.address}/{secret}")
    words = ("x=choice(0.5,1)", "hydra/sweeper/sampler=grid", "hydra.sweeper.n_trials=2")
    named = "hydra.sweeper.callbacks=[{_target_: besom.Webhook, url_variable: HOOK}]"
    done = run("quadratic", *words, named, folder=root.parent)
    assert done.returncode == 0 and done.stderr == ""
    ((path, _, body),) = server.posts
    assert path == f"/{secret}" and body["n_complete"] == 2 and body["status"] == "finished"
    files = [file for file in root.parent.rglob("*") if file.is_file()]
    assert files and not [file for file in files if secret.encode() in file.read_bytes()]
    assert secret not in done.stdout
    inside = f"hydra.sweeper.callbacks=[{{_target_: besom.Webhook, url: 'http://x.org/?{secret}'}}]"
    refused = run("quadratic", *words, inside, folder=root.parent)
    assert refused.returncode == 2 and secret not in refused.stderr
    assert "hydra.sweeper.callbacks.0: url: holds a password" in refused.stderr
