"""Remote workers with a scripted actor, since real nodes do not fail on demand."""

import queue
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import ray
from ray.exceptions import ActorDiedError, OutOfMemoryError, RayTaskError

from besom.common.states import State
from besom.workers.messages import Assignment, Event, Outcome, Sending, WorkerExited
from besom.workers.ray import remote_worker
from besom.workers.ray.protocol import FromActor, Home, Piece
from besom.workers.ray.remote_worker import RemoteWorker
from tests.processes import wait_for

TIMEOUT = 60.0
FULL = RayTaskError("put", "OSError: No space left on device", OSError(28), "x", 1, "127.0.0.1")


class ScriptedActor:
    """An actor that yields what tests put in ``said``. If given, ``fails`` is raised at a file."""

    def __init__(self, fails: Exception | None = None) -> None:
        self.said: queue.SimpleQueue[list[FromActor] | None] = queue.SimpleQueue()
        self.sent: list[Any] = []
        stream = SimpleNamespace(remote=lambda: iter(self.said.get, None))
        self.messages = SimpleNamespace(options=lambda **of: stream)
        self.put = SimpleNamespace(remote=lambda piece: fails)
        self.send = SimpleNamespace(remote=self.sent.append)
        self.end = SimpleNamespace(remote=lambda cause: self.said.put(None))


class Heard:
    """A remote worker, and the messages that the supervisor gets from it."""

    def __init__(self, actor: ScriptedActor, folder: Path) -> None:
        self._messages: queue.SimpleQueue[Any] = queue.SimpleQueue()
        home = Home("1", folder, folder, (), folder / "jobs", folder / "logs", None)
        self.worker = RemoteWorker(
            0, lambda: actor, home, self._messages.put, lambda node: True, lambda: None
        )
        wait_for(lambda: self.worker._actor)

    def next(self) -> Any:
        heard = self._messages.get(timeout=TIMEOUT)
        assert isinstance(heard, Event), heard
        return heard.message


@pytest.fixture(autouse=True)
def no_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    def get(reference: Any) -> Any:
        if isinstance(reference, Exception):
            raise reference
        return reference

    monkeypatch.setattr(ray, "get", get)
    monkeypatch.setattr(ray, "kill", lambda actor: None)


@pytest.fixture
def left(tmp_path: Path) -> Path:
    """Return a job's folder with files of an earlier attempt."""
    folder = tmp_path / "jobs" / "3"
    folder.mkdir(parents=True)
    for name in ("checkpoint", "history"):
        (folder / name).write_text("5")
    return folder


@pytest.mark.parametrize(("seconds", "n_signs"), [(0.0, 2), (1e9, 0)])
def test_files_that_come_for_long_are_no_silence(
    seconds: float, n_signs: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_worker, "LONG_TRANSFER_SECONDS", seconds)
    actor = ScriptedActor()
    heard = Heard(actor, tmp_path)
    for name in ("a", "b"):
        actor.said.put([Piece(name, b"1", is_first=True, is_last=True)])
    actor.said.put(None)
    for _ in range(n_signs):
        assert heard.next() == Sending()
    assert heard.next() == WorkerExited("")


def test_files_on_their_way_to_the_node_are_no_silence(left: Path, tmp_path: Path) -> None:
    actor, assignment = ScriptedActor(), Assignment(3, 2, ())
    heard = Heard(actor, tmp_path)
    heard.worker.send(assignment, left)
    assert heard.next() == heard.next() == Sending()
    wait_for(lambda: actor.sent == [assignment])
    actor.said.put(None)
    assert heard.next() == WorkerExited("")


def test_files_that_a_node_cannot_keep_end_the_attempt_and_it_counts(
    left: Path, tmp_path: Path
) -> None:
    heard = Heard(ScriptedActor(FULL), tmp_path)
    heard.worker.send(Assignment(3, 2, ()), left)
    outcome = heard.next()
    assert isinstance(outcome, Outcome) and outcome.state is State.INTERRUPTED and outcome.is_last
    assert "No space left on device" in outcome.error
    died = heard.next()
    assert isinstance(died, WorkerExited)
    assert died.cause.startswith("cannot get the files of an earlier attempt")


def test_a_loss_while_files_are_sent_ends_the_worker_alone(left: Path, tmp_path: Path) -> None:
    heard = Heard(ScriptedActor(OutOfMemoryError("too little")), tmp_path)
    heard.worker.send(Assignment(3, 2, ()), left)
    assert heard.next() == WorkerExited("was ended by Ray: a node runs out of memory")


def test_an_actor_that_dies_while_files_are_sent_is_told_of_once(
    left: Path, tmp_path: Path
) -> None:
    actor = ScriptedActor(ActorDiedError())
    heard = Heard(actor, tmp_path)
    heard.worker.send(Assignment(3, 2, ()), left)
    actor.said.put(None)
    assert heard.next() == WorkerExited("")


def test_no_draft_outlives_its_worker(tmp_path: Path) -> None:
    actor = ScriptedActor()
    heard = Heard(actor, tmp_path)
    actor.said.put([Piece("3/large", b"1", is_first=True, is_last=False)])
    assert heard.next() == Sending()
    actor.said.put(None)
    assert heard.next() == WorkerExited("")
    assert not any((tmp_path / "jobs" / "3").iterdir())
