"""Rows reach callbacks in order, from a thread that does not block the sweep."""

import io
import sys
import threading

import pytest

from besom.common.errors import StoreError
from besom.sweep.callbacks import queue
from besom.sweep.callbacks.base import Callback
from besom.sweep.callbacks.queue import CallbackQueue
from besom.sweep.callbacks.rows import StudyEnded, TrialEnded, TrialReported, TrialStarted


def report(step: int) -> TrialReported:
    return TrialReported("s", 0, "trial", "run", step, {}, None)


class Listed(Callback):
    def __init__(self) -> None:
        self.told: list[object] = []
        self.may_go_on = threading.Event()
        self.is_called = threading.Event()

    def on_report(self, report: TrialReported) -> None:
        self.is_called.set()
        self.may_go_on.wait()
        self.told.append(report.step)

    def on_study_end(self, study: StudyEnded) -> None:
        self.told.append(study.status)


def test_the_order_is_kept_and_reports_that_are_too_many_are_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(queue, "MOST_WAITING", 3)
    callback = Listed()
    rows = CallbackQueue([callback])
    rows.put(report(0))
    callback.is_called.wait()  # it is busy; the next rows wait
    for step in range(1, 6):
        rows.put(report(step))
    rows.put(StudyEnded("s", "finished", 1, 0, 0, 0))
    callback.may_go_on.set()
    rows.close()
    assert callback.told == [0, 1, 2, 3, "finished"]
    assert "too slow for 2 reports" in capsys.readouterr().err


def test_a_callback_that_hangs_is_waited_for_so_long_and_no_longer(
    capsys: pytest.CaptureFixture[str],
) -> None:
    callback = Listed()
    rows = CallbackQueue([callback])
    for step in range(3):
        rows.put(report(step))
    callback.is_called.wait()
    rows.close(seconds=0.01)
    said = "have not ended within 0.01 s; 3 rows are not delivered"
    assert said in capsys.readouterr().err
    callback.may_go_on.set()


def test_an_exception_is_printed_once_and_the_others_are_told_all_the_same(
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Raising(Callback):
        def on_report(self, report: TrialReported) -> None:
            raise ValueError("at postgresql://ann:s3cret@db/x")

    callback = Listed()
    callback.may_go_on.set()
    rows = CallbackQueue([Raising(), callback])
    for step in range(3):
        rows.put(report(step))
    rows.close()
    assert callback.told == [0, 1, 2]
    err = capsys.readouterr().err
    assert err.count("Traceback") == err.count("Raising.on_report: has raised") == 1
    assert "s3cret" not in err and "_work" not in err


class Writes(io.StringIO):
    def __init__(self) -> None:
        super().__init__()
        self.each: list[str] = []

    def write(self, text: str) -> int:
        self.each += [text] if text else []
        return len(text)


def test_a_failure_at_the_end_is_a_whole_line_in_one_write_and_nothing_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Raising(Callback):
        def on_study_end(self, study: StudyEnded) -> None:
            raise StoreError("host answered 403")

    monkeypatch.setattr(sys, "stderr", written := Writes())
    rows = CallbackQueue([Raising()])
    rows.put(StudyEnded("s", "finished", 1, 0, 0, 0))
    rows.close()
    assert written.each == ["besom: callback Raising.on_study_end: host answered 403\n"]


def test_without_callbacks_there_is_no_thread() -> None:
    before = threading.active_count()
    rows = CallbackQueue()
    rows.put(TrialStarted("s", 0, "trial", {}, "run", 1, 0))
    rows.put(TrialEnded("s", 0, "trial", {}, "complete", {}))
    assert not rows and threading.active_count() == before
    rows.close()
