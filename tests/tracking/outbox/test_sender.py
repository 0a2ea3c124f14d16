import threading
from collections.abc import Sequence

import pytest

from besom.tracking.outbox import sender
from besom.tracking.outbox.log import Entry
from besom.tracking.outbox.sender import Courier, NotYet


class Store:
    """Takes parcels, or fails for the runs in ``broken``."""

    def __init__(self) -> None:
        self.parcels: list[tuple[str, list[str]]] = []
        self.broken: set[str] = set()

    def __call__(self, run_id: str, entries: Sequence[Entry]) -> None:
        if run_id in self.broken:
            raise ConnectionError(f"no way to {run_id}")
        self.parcels.append((run_id, [entry.kind for entry in entries]))


def entries(*kinds: str) -> list[Entry]:
    return [Entry(kind, {}) for kind in kinds]


def test_entries_of_a_run_travel_together_and_in_order() -> None:
    store = Store()
    carrier = Courier(store)
    carrier.post("a", entries("1", "2"))
    carrier.post("b", entries("3"))
    carrier.post("a", entries("4"))
    carrier.close()
    assert [kind for run, kinds in store.parcels if run == "a" for kind in kinds] == ["1", "2", "4"]
    assert ("b", ["3"]) in store.parcels


def test_a_failed_parcel_goes_again_and_others_do_not_wait() -> None:
    store = Store()
    store.broken = {"a"}
    carrier = Courier(store)
    carrier.post("a", entries("1"))
    carrier.post("b", entries("2"))
    with pytest.raises(ConnectionError, match="no way to a"):
        carrier.flush()
    assert store.parcels == [("b", ["2"])]
    assert isinstance(carrier.error, ConnectionError)
    store.broken = set()
    carrier.post("a", entries("3"))
    carrier.close()
    assert store.parcels[-1] == ("a", ["1", "3"])
    assert carrier.error is None


def test_it_tries_again_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "RETRY_SECONDS", (0.01,))
    delivered, failures = threading.Event(), iter([ConnectionError(), ConnectionError()])

    def deliver(run_id: str, parcel: Sequence[Entry]) -> None:
        if error := next(failures, None):
            raise error
        delivered.set()

    carrier = Courier(deliver)
    carrier.post("a", entries("1"))
    assert delivered.wait(20)
    carrier.close()


def test_a_store_that_is_away_does_not_cost_a_timeout_for_each_run() -> None:
    tried: list[str] = []

    def deliver(run_id: str, parcel: Sequence[Entry]) -> None:
        tried.append(run_id)
        raise TimeoutError

    carrier = Courier(deliver)
    for number in range(20):
        carrier.post(str(number), entries("x"))
    with pytest.raises(TimeoutError):
        carrier.flush()
    assert len(tried) <= 2 * sender.FAILURES_PER_ROUND
    with pytest.raises(TimeoutError):
        carrier.close()
    assert len(set(tried)) > sender.FAILURES_PER_ROUND  # others had their turn
    carrier.close()  # once more waits for nobody


def test_a_run_that_needs_another_one_waits_for_it_within_the_round() -> None:
    delivered: list[str] = []

    def deliver(run_id: str, parcel: Sequence[Entry]) -> None:
        if run_id == "twin" and "source" not in delivered:
            raise NotYet("source is still open")
        delivered.append(run_id)

    carrier = Courier(deliver)
    carrier.post("twin", entries("1"))
    carrier.post("source", entries("1"))
    carrier.close()
    assert delivered == ["source", "twin"]
    assert carrier.error is None


def test_posting_does_not_wait_for_the_store() -> None:
    let_go = threading.Event()
    carrier = Courier(lambda run_id, parcel: let_go.wait(20) and None)
    carrier.post("a", entries("1"))
    for _ in range(1000):
        carrier.post("a", entries("2"))
    let_go.set()
    carrier.close()


@pytest.mark.parametrize(
    ("round_seconds", "pause"),
    [(0.0, sender.GATHER_SECONDS), (1.5, 3.0), (60.0, sender.MAX_GATHER_SECONDS)],
)
def test_after_a_long_round_more_is_gathered(round_seconds: float, pause: float) -> None:
    carrier = Courier(Store())
    carrier._round_seconds = round_seconds
    assert carrier._pause() == pause
    carrier.close()


def test_what_is_delivered_is_safe_before() -> None:
    done: list[str] = []
    carrier = Courier(lambda run_id, parcel: done.append(run_id), keep=lambda: done.append("kept"))
    carrier.post("a", entries("1"))
    carrier.flush()
    carrier.post("b", entries("1"))
    carrier.close()
    assert done == ["kept", "a", "kept", "b"]


def test_what_cannot_be_made_safe_is_delivered_and_said() -> None:
    def fail() -> None:
        raise OSError(5, "Input/output error")

    store = Store()
    carrier = Courier(store, keep=fail)
    carrier.post("a", entries("1"))
    with pytest.raises(OSError, match="Input/output"):
        carrier.flush()
    assert store.parcels == [("a", ["1"])]
    carrier.close()
