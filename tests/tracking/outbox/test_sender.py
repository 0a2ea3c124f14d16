import threading
from collections.abc import Sequence

import pytest

from besom.tracking.outbox import sender
from besom.tracking.outbox.entries import Entry
from besom.tracking.outbox.sender import NotYet, Sender


class Store:
    """A store that keeps batches, but fails for the runs in ``broken``."""

    def __init__(self) -> None:
        self.batches: list[tuple[str, list[str]]] = []
        self.broken: set[str] = set()

    def __call__(self, run_id: str, entries: Sequence[Entry]) -> None:
        if run_id in self.broken:
            raise ConnectionError(f"no way to {run_id}")
        self.batches.append((run_id, [entry.kind for entry in entries]))


def sending(deliver: sender.Deliver) -> Sender:
    return Sender(deliver, keep=lambda: None)


def entries(*kinds: str) -> list[Entry]:
    return [Entry(kind, {}) for kind in kinds]


def test_entries_of_a_run_are_delivered_together_and_in_order() -> None:
    store = Store()
    queues = sending(store)
    queues.post("a", entries("1", "2"))
    queues.post("b", entries("3"))
    queues.post("a", entries("4"))
    queues.close()
    assert [kind for run, kinds in store.batches if run == "a" for kind in kinds] == ["1", "2", "4"]
    assert ("b", ["3"]) in store.batches


def test_a_failed_batch_goes_again_and_others_do_not_wait() -> None:
    store = Store()
    store.broken = {"a"}
    queues = sending(store)
    queues.post("a", entries("1"))
    queues.post("b", entries("2"))
    with pytest.raises(ConnectionError, match="no way to a"):
        queues.flush()
    assert store.batches == [("b", ["2"])]
    assert isinstance(queues.error, ConnectionError)
    store.broken = set()
    queues.post("a", entries("3"))
    queues.close()
    assert store.batches[-1] == ("a", ["1", "3"])
    assert queues.error is None


def test_it_tries_again_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "RETRY_SECONDS", (0.01,))
    delivered, failures = threading.Event(), iter([ConnectionError(), ConnectionError()])

    def deliver(run_id: str, batch: Sequence[Entry]) -> None:
        if error := next(failures, None):
            raise error
        delivered.set()

    queues = sending(deliver)
    queues.post("a", entries("1"))
    assert delivered.wait(20)
    queues.close()


def test_a_store_that_is_away_does_not_cost_a_timeout_for_each_run() -> None:
    tried: list[str] = []

    def deliver(run_id: str, batch: Sequence[Entry]) -> None:
        tried.append(run_id)
        raise TimeoutError

    queues = sending(deliver)
    for number in range(20):
        queues.post(str(number), entries("x"))
    with pytest.raises(TimeoutError):
        queues.flush()
    assert len(tried) <= 2 * sender.FAILURES_PER_ROUND
    with pytest.raises(TimeoutError):
        queues.close()
    assert len(set(tried)) > sender.FAILURES_PER_ROUND  # the next round tried other runs
    queues.close()  # the second time, it does not wait


def test_a_run_that_needs_another_one_waits_for_it_within_the_round() -> None:
    delivered: list[str] = []

    def deliver(run_id: str, batch: Sequence[Entry]) -> None:
        if run_id == "duplicate" and "source" not in delivered:
            raise NotYet("source is still open")
        delivered.append(run_id)

    queues = sending(deliver)
    queues.post("duplicate", entries("1"))
    queues.post("source", entries("1"))
    queues.close()
    assert delivered == ["source", "duplicate"]
    assert queues.error is None


def test_posting_does_not_wait_for_the_store() -> None:
    let_go = threading.Event()
    queues = sending(lambda run_id, batch: let_go.wait(20) and None)
    queues.post("a", entries("1"))
    for _ in range(1000):
        queues.post("a", entries("2"))
    let_go.set()
    queues.close()


@pytest.mark.parametrize(
    ("round_seconds", "pause"),
    [(0.0, sender.GATHER_SECONDS), (1.5, 3.0), (60.0, sender.MAX_GATHER_SECONDS)],
)
def test_after_a_long_round_more_is_gathered(round_seconds: float, pause: float) -> None:
    queues = sending(Store())
    queues._round_seconds = round_seconds
    assert queues._pause() == pause
    queues.close()


def test_what_is_delivered_is_safe_before() -> None:
    done: list[str] = []
    queues = Sender(lambda run_id, batch: done.append(run_id), keep=lambda: done.append("kept"))
    queues.post("a", entries("1"))
    queues.flush()
    queues.post("b", entries("1"))
    queues.close()
    assert done == ["kept", "a", "kept", "b"]


def test_what_cannot_be_made_safe_is_delivered_and_said() -> None:
    def fail() -> None:
        raise OSError(5, "Input/output error")

    store = Store()
    queues = Sender(store, keep=fail)
    queues.post("a", entries("1"))
    with pytest.raises(OSError, match="Input/output"):
        queues.flush()
    assert store.batches == [("a", ["1"])]
    queues.close()
