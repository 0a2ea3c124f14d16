"""Stores that take a request and are silent; what hangs is released by hand."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from mlflow import MlflowClient

from besom.tracking import Record
from besom.tracking.outbox import deferred_runs
from besom.tracking.outbox.deferred_runs import PREFIX, CreateRequest

MOMENT = 0.3


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Whoever hangs goes on when it is set."""
    made = threading.Event()
    yield made
    made.set()


def test_what_is_answered_in_time() -> None:
    assert CreateRequest(lambda: None, lambda: "r1").wait(10) == "r1"


def test_what_fails_in_time() -> None:
    def refuse() -> str:
        raise ConnectionError("refused")

    with pytest.raises(ConnectionError, match="refused"):
        CreateRequest(lambda: None, refuse).wait(10)


def test_who_does_not_answer_the_first_question_is_not_asked_for_a_run(
    gate: threading.Event,
) -> None:
    created: list[str] = []
    request = CreateRequest(gate.wait, lambda: created.append("r1") or "r1")  # type: ignore[func-returns-value]
    with pytest.raises(TimeoutError):
        request.wait(MOMENT)
    assert request.has_ended(0)
    gate.set()
    assert request._ended.wait(10)
    assert created == [] and request.run_id is None


def test_a_request_that_was_sent_may_still_be_carried_out(gate: threading.Event) -> None:
    request = CreateRequest(lambda: None, lambda: str(gate.wait()))
    with pytest.raises(TimeoutError):
        request.wait(MOMENT)
    assert not request.has_ended(0)
    gate.set()
    assert request.has_ended(10) and request.run_id == "True"


def after(gate: threading.Event, function: Callable[..., Any]) -> Callable[..., Any]:
    def wait(*arguments: Any, **named: Any) -> Any:
        gate.wait(20)
        return function(*arguments, **named)

    return wait


@pytest.mark.parametrize("request_", ["get_experiment", "create_run"])
def test_a_run_that_is_created_late_after_all_is_there_once(
    record: Record,
    client: MlflowClient,
    monkeypatch: pytest.MonkeyPatch,
    gate: threading.Event,
    request_: str,
) -> None:
    monkeypatch.setattr(deferred_runs, "WAIT_SECONDS", MOMENT)
    monkeypatch.setattr(record._deferred_runs, "_may_hang", True)
    parent = record.start_run("sweep", {})
    record.flush()
    for name in (request_, "search_runs"):  # the sender is not answered either
        monkeypatch.setattr(record._client, name, after(gate, getattr(record._client, name)))
    began = time.monotonic()
    late = [record.start_run("late", {}, parent) for _ in range(5)]
    assert time.monotonic() - began < 5 * MOMENT, "only the first of them waits"
    assert all(run_id.startswith(PREFIX) for run_id in late)
    for number, run_id in enumerate(late):
        record.metrics(run_id, 1, {"number": number})
        record.kill(run_id, {})
    gate.set()
    record.flush()
    runs = client.search_runs([record.experiment_id], "attributes.run_name = 'late'")
    assert sorted(run.data.metrics["number"] for run in runs) == [0, 1, 2, 3, 4]
    assert {run.info.status for run in runs} == {"KILLED"}


def test_after_an_answer_runs_are_created_at_once_again(
    record: Record, monkeypatch: pytest.MonkeyPatch, gate: threading.Event
) -> None:
    monkeypatch.setattr(deferred_runs, "WAIT_SECONDS", MOMENT)
    monkeypatch.setattr(record._deferred_runs, "_may_hang", True)
    parent = record.start_run("sweep", {})
    with monkeypatch.context() as patch:
        patch.setattr(record._client, "get_experiment", lambda _: gate.wait(20))
        late = record.start_run("late", {}, parent)
    record.flush()
    assert late.startswith(PREFIX)
    assert not record.start_run("at once", {}, parent).startswith(PREFIX)
